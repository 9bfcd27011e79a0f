"""What clangd shows where the pointer rests on calls of dist/teaspoon.h: the contract of each function, and in its own
family's words. Prints what is not so; returns how many.

    hover.py            in the root of the tree
"""
import json
import subprocess
import sys

CALLS = {"tsp4k_alloc": "An object of size bytes, aligned", "tsp128k_realloc": "As C's realloc",
         "tsp16m_check": "Verifies every invariant", "tsp16m_free": "As C23's",
         "tsp128k_try_alloc": "As tsp128k_alloc and tsp128k_dealloc"}
TEXT = '#include "%s/dist/teaspoon.h"\n' % sys.path[0].rsplit("/", 2)[0]
TEXT += "".join("void *p_%s = (void *)%s;\n" % (name, name) for name in CALLS)
URI = "file:///hover.c"

clangd = subprocess.Popen(["clangd", "--log=error"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)


def send(method, params, number=None):
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if number is not None:
        message["id"] = number
    body = json.dumps(message).encode()
    clangd.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    clangd.stdin.flush()


def answer(number):
    while True:
        length = 0
        for line in iter(clangd.stdout.readline, b"\r\n"):
            if not line:
                sys.exit("clangd ended")
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(clangd.stdout.read(length))
        if message.get("id") == number and "method" not in message:
            return message


send("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 0)
answer(0)
send("initialized", {})
send("textDocument/didOpen", {"textDocument": {"uri": URI, "languageId": "c", "version": 1, "text": TEXT}})
wrong = 0
for line, (name, words) in enumerate(CALLS.items(), 1):
    column = TEXT.splitlines()[line].rindex(name)
    send("textDocument/hover", {"textDocument": {"uri": URI}, "position": {"line": line, "character": column + 1}}, line)
    shown = json.dumps(answer(line).get("result"))
    if words not in shown:
        wrong += 1
        print("%s shows %s" % (name, shown[:200]))
clangd.kill()
sys.exit(wrong)
