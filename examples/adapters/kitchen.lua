-- Sensors in a kitchen: a coroutine gives each one's readings, a closure smooths them, and a log keeps them.
local config = "oven 180 9; fridge 5 0.6; kettle 96 1.5; cellar 12 0.3"

local function readings(mean, spread, seed)
  return coroutine.wrap(function()
    while true do
      seed = (seed * 1103515245 + 12345) % 2147483648
      coroutine.yield(mean + spread * (seed / 1073741824 - 1))
    end
  end)
end

local function smoother(n)
  local window, sum = {}, 0
  return function(x)
    sum = sum + x - (#window == n and table.remove(window, 1) or 0)
    window[#window + 1] = x
    return sum / #window
  end
end

local sensors, log = {}, {}
for name, mean, spread in config:gmatch("(%a+) (%S+) ([%d.]+)") do
  sensors[#sensors + 1] = {name = name, read = readings(mean, spread, #name), smooth = smoother(8), high = 0}
end
for minute = 1, 10 do
  for _, s in ipairs(sensors) do
    local x = s.smooth(s.read())
    if x > s.high then s.high = x end
    log[#log + 1] = {minute, string.format("%s %.1f", s.name, x)}
  end
end

print(string.format("%d readings, the last: %s", #log, log[#log][2]))
draw("The heap now, objects and garbage:")
log = nil
collectgarbage()
draw("The same heap, its log forgotten and its garbage collected:")
print()
for _, s in ipairs(sensors) do print(string.format("%-8s at most %6.2f C", s.name, s.high)) end
