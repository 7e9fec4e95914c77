#!/usr/bin/env python3
"""A client of CRI, as small as by_hand/engines needs it: `cri.py SOCKET UID HOST-PORT` makes the pod shop/db-0 with two containers, db
on port 80 and web on port 81, as kubelet does, and prints a line `NAME ID` for each; `cri.py SOCKET ID` removes the pod.

The messages are those of k8s.io/cri-api, runtime/v1/api.proto: each is a list of pairs, the number of a field and its value.
"""
import sys

import grpc


def number(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(*fields):
    out = b""
    for field, value in fields:
        if isinstance(value, int):
            out += number(field << 3) + number(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += number(field << 3 | 2) + number(len(value)) + value
    return out


def call(name, *fields):
    """Calls a method whose answer is an id, or nothing."""
    method = channel.unary_unary("/runtime.v1.RuntimeService/" + name, request_serializer=None, response_deserializer=None)
    answer = method(message(*fields), timeout=30)
    return answer[2 : 2 + answer[1]].decode() if answer else ""


channel = grpc.insecure_channel("unix://" + sys.argv[1])
if len(sys.argv) == 3:
    call("StopPodSandbox", (1, sys.argv[2]))
    call("RemovePodSandbox", (1, sys.argv[2]))
    sys.exit()
uid, port = sys.argv[2], int(sys.argv[3])
sandbox = message(
    (1, message((1, "db-0"), (2, uid), (3, "shop"))),
    (2, "db-0"),
    (3, "/var/log/pods/shop_db-0_" + uid),
    (5, message((2, 80), (3, port))),
    (8, message((1, "/kubepods/besteffort/pod" + uid))),
)
pod = call("RunPodSandbox", (1, sandbox))
print("pod", pod)
for name, listener in (("db", "tcp:80"), ("web", "tcp:81")):
    words = message(
        (1, message((1, name))),
        (2, message((1, "localhost/lsock-test:latest"))),
        (3, "/bin/helper"),
        (3, "serve"),
        (3, listener),
        (7, message((1, "/dev/termination-log"), (2, f"/var/lib/kubelet/pods/{uid}/containers/{name}/1f2e3d4c"))),
        (11, name + "/0.log"),
    )
    container = call("CreateContainer", (1, pod), (2, words), (3, sandbox))
    call("StartContainer", (1, container))
    print(name, container)
