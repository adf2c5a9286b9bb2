#!/usr/bin/python3
"""A mock of org.freedesktop.systemd1, by libdbus: it proves the flow, and nothing about systemd.

Reads one line of JSON from stdin: {"units": {"<pid>": {"id", "cgroup", "fragment", "invocation"}}, "mode": "honest|..."},
prints `ready` when it owns the name, and then a line for each question that it gets, with the descriptors that it has by then.
Modes: `silent` never answers, `huge` answers 20 MB, `old` is below systemd 253 and has no GetUnitByPIDFD, `forbids` has one that
the caller may not ask, `elsewhere` is in another pid namespace, where every number is another process's."""
import json
import os
import re
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = 'org.freedesktop.systemd1'
PROPERTIES = 'org.freedesktop.DBus.Properties'


class Unit(dbus.service.Object):
    def __init__(self, bus, path, unit, mode):
        super().__init__(bus, path)
        self.unit, self.mode = unit, mode

    @dbus.service.method(PROPERTIES, in_signature='ss', out_signature='v')
    def Get(self, interface, name):
        if (interface, name) == (NAME + '.Unit', 'Id'):
            return dbus.String(self.unit['id'])
        if (interface, name) == (NAME + '.Unit', 'FragmentPath'):
            return dbus.String('/x' * 10_000_000 if self.mode == 'huge' else self.unit['fragment'])
        if (interface, name) == (NAME + '.Unit', 'InvocationID'):
            return dbus.ByteArray(bytes.fromhex(self.unit['invocation']))
        kind = self.unit['id'].rsplit('.', 1)[1].capitalize()
        if (interface, name) == (f'{NAME}.{kind}', 'ControlGroup'):
            return dbus.String(self.unit['cgroup'])
        raise dbus.DBusException('no such property', name='org.freedesktop.DBus.Error.UnknownProperty')


class Manager(dbus.service.Object):
    def __init__(self, bus, units, mode):
        super().__init__(bus, '/org/freedesktop/systemd1')
        self.mode, self.units, self.paths = mode, units, {}
        for number, (pid, unit) in enumerate(units.items()):
            self.paths[pid] = f'/org/freedesktop/systemd1/unit/test_{number}'
            Unit(bus, self.paths[pid], unit, mode)

    def say(self, question):
        print(question, len(os.listdir('/proc/self/fd')), flush=True)

    @dbus.service.method(NAME + '.Manager', in_signature='u', out_signature='o', async_callbacks=('done', 'failed'))
    def GetUnitByPID(self, pid, done, failed):
        self.say('GetUnitByPID')
        if self.mode == 'silent':
            return
        path = None if self.mode == 'elsewhere' else self.paths.get(str(int(pid)))
        if path is None:
            failed(dbus.DBusException('PID does not belong to any loaded unit.', name=NAME + '.NoUnitForPID'))
        else:
            done(dbus.ObjectPath(path))


class ManagerOf253(Manager):
    @dbus.service.method(NAME + '.Manager', in_signature='h', out_signature='osay', async_callbacks=('done', 'failed'))
    def GetUnitByPIDFD(self, pidfd, done, failed):
        fd = pidfd.take()
        # Of a pidfd alone, and as this process sees it.
        pid = re.search('^Pid:\t([0-9]+)$', open(f'/proc/self/fdinfo/{fd}').read(), re.M).group(1)
        os.close(fd)
        self.say('GetUnitByPIDFD')
        if self.mode == 'silent':
            return
        path = self.paths.get(pid)
        if self.mode == 'forbids':
            failed(dbus.DBusException('not by you', name='org.freedesktop.DBus.Error.AccessDenied'))
        elif path is None:
            failed(dbus.DBusException('PID does not belong to any loaded unit.', name=NAME + '.NoUnitForPID'))
        else:
            unit = self.units[pid]
            done(dbus.ObjectPath(path), unit['id'], dbus.ByteArray(bytes.fromhex(unit['invocation'] or '00' * 16)))


told = json.loads(sys.stdin.readline())
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
connection = dbus.bus.BusConnection(sys.argv[1])
(Manager if told['mode'] == 'old' else ManagerOf253)(connection, told['units'], told['mode'])
connection.request_name(NAME)
print('ready', flush=True)
GLib.MainLoop().run()
