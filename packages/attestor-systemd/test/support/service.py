#!/usr/bin/python3
"""A mock of org.freedesktop.systemd1, by libdbus: it proves the flow, and nothing about systemd.

Reads one line of JSON from stdin: {"units": {"<pid>": {"id", "cgroup", "fragment", "invocation"}}, "mode": "honest|silent|huge"}
and prints `ready` when it owns the name."""
import json
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
        self.mode, self.paths = mode, {}
        for number, (pid, unit) in enumerate(units.items()):
            self.paths[pid] = f'/org/freedesktop/systemd1/unit/test_{number}'
            Unit(bus, self.paths[pid], unit, mode)

    @dbus.service.method(NAME + '.Manager', in_signature='u', out_signature='o', async_callbacks=('done', 'failed'))
    def GetUnitByPID(self, pid, done, failed):
        if self.mode == 'silent':
            return
        path = self.paths.get(str(int(pid)))
        if path is None:
            failed(dbus.DBusException('PID does not belong to any loaded unit.', name=NAME + '.NoUnitForPID'))
        else:
            done(dbus.ObjectPath(path))


told = json.loads(sys.stdin.readline())
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
connection = dbus.bus.BusConnection(sys.argv[1])
Manager(connection, told['units'], told['mode'])
connection.request_name(NAME)
print('ready', flush=True)
GLib.MainLoop().run()
