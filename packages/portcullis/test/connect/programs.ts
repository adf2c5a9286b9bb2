/** Says what it was given, then `listening`, serves one connection at a time with accept(2) alone, and never calls listen(). */
export const PYTHON_CHILD = `
import fcntl, json, os, socket, sys
def told(fd):
    try:
        return {"close_on_exec": fcntl.fcntl(fd, fcntl.F_GETFD) & 1, "blocking": fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK == 0}
    except OSError:
        return None
print(json.dumps({
    "pid": os.getpid(), "uid": os.getuid(), "args": sys.argv[1:], "cwd": os.getcwd(),
    "env": {k: v for k, v in os.environ.items() if k != "LC_CTYPE"}, "fds": {fd: told(fd) for fd in range(3, 64) if told(fd)},
}), flush=True)
listener = socket.socket(fileno=3)
if sys.argv[1:2] == ["wait"]:
    sys.stdin.readline()
while True:
    connection, _ = listener.accept()
    try:
        connection.sendall(b"served")
    except OSError:
        pass # a client that went again
    connection.close()
`;

/** A Node server on the socket that was passed as \`app\`: it calls listen() as it begins. */
export const NODE_CHILD = `
const { createServer } = await import('node:net');
const { createGate } = await import('portcullis');
const gate = await createGate({ policy: process.argv[1] });
await gate.listen(createServer((socket) => socket.end('served')), { systemd: 'app' });
console.log('listening');
`;
