# teaspoon-look HANDLE: shows the heap of a stopped program, or of a core file, whatever machine it is of:
#
#     (gdb) source look.gdb
#     (gdb) teaspoon-look kitchen.spoon          a tsp4k, tsp128k or tsp16m; or *pointer
#
# Leaves the bytes in teaspoon-handle.bin and teaspoon-heap.bin, and runs `teaspoon look` on them.
define teaspoon-look
  set $tsp_granules = (unsigned long)($arg0).granules
  set $tsp_link = sizeof(($arg0).gap)
  set $tsp_bytes = $tsp_granules * 2 * $tsp_link
  if (($arg0).state & 1)
    set $tsp_bytes = $tsp_bytes + ($tsp_granules + 7) / 8
  end
  if (($arg0).state >= 128) && $tsp_granules >= 8192
    set $tsp_bytes = ($tsp_bytes + 3) / 4 * 4 + ($tsp_link == 2 ? 116 : 360)
    set $tsp_n = ($tsp_granules + 127) / 128
    set $tsp_bytes = $tsp_bytes + ($tsp_n + 3) / 4 * 4
    set $tsp_n = ($tsp_n + 31) / 32
    while $tsp_n > 1
      set $tsp_bytes = $tsp_bytes + 4 * $tsp_n
      set $tsp_n = ($tsp_n + 31) / 32
    end
    set $tsp_bytes = $tsp_bytes + 4
  end
  dump binary memory teaspoon-handle.bin &($arg0) (&($arg0) + 1)
  dump binary memory teaspoon-heap.bin ($arg0).base (($arg0).base + $tsp_bytes)
  eval "shell teaspoon look --handle %lu --for %d teaspoon-handle.bin@%lu teaspoon-heap.bin@%lu", \
    (unsigned long)&($arg0), 8 * sizeof(($arg0).base), (unsigned long)&($arg0), (unsigned long)($arg0).base
end
document teaspoon-look
teaspoon-look HANDLE: verifies, draws and lists the teaspoon heap of this handle, by `teaspoon look`.
end
