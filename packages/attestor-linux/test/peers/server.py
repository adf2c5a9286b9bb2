"""A server that is not node, in several ways of having come by its listener. Says `ready PID`, then `got N` after each
connection that ended, with the bytes that came on it. Its first argument is the way, its second the path.

    serve    makes the listener and serves it
    lie      the same, and greets with a claim to be root, under the name of a service
    idle     makes the listener with a queue of one connection, and never accepts
    daemon   makes the listener and exits; a child serves it
    relisten the same, and the child calls listen() before it serves
    beside   makes the listener and stays; a child serves it
    manager  the same, by the name of systemd
    drop     makes the listener as root and becomes user 1234
    close    ends each connection at once, and stays
    datagram makes a datagram socket
"""
import os
import signal
import socket
import sys

way, path = sys.argv[1:3]


def say(text):
    os.write(1, (text + "\n").encode())


def rename(name):
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)


def serve(listener):
    say(f"ready {os.getpid()}")
    while True:
        connection, _ = listener.accept()
        if way == "close":
            connection.close()
            continue
        count = 0
        try:
            if way == "lie":
                connection.sendall(b"uid=0(root) pid=1 /usr/lib/systemd/systemd\n")
            while some := connection.recv(65536):
                count += len(some)
                connection.sendall(some)
        except OSError:
            pass
        connection.close()
        say(f"got {count}")


listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if way == "datagram" else socket.SOCK_STREAM)
listener.bind(path)
os.chmod(path, 0o666)
if way == "datagram":
    say(f"ready {os.getpid()}")
    signal.pause()

listener.listen(0 if way == "idle" else 16)
if way == "manager":
    rename("systemd")
if way == "lie":
    rename("postgres")
if way == "drop":
    os.setgid(1234)
    os.setuid(1234)
if way == "idle":
    say(f"ready {os.getpid()}")
    signal.pause()
elif way in ("daemon", "relisten", "beside", "manager"):
    if os.fork() == 0:
        rename("server")
        if way == "relisten":
            listener.listen(16)
        serve(listener)
    listener.close()
    if way in ("beside", "manager"):
        signal.pause()
    os._exit(0)
else:
    serve(listener)
