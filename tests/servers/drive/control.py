"""
What tests order and look at: accounts, drives, faults, counters, the state as it is.

It is no part of the service, needs no token and answers plain JSON below `/emulator`.
"""

from __future__ import annotations

from aiohttp import web

from tests.servers.drive.accounts import FOLDER
from tests.servers.drive.exchange import FULL_SCOPE, Json
from tests.servers.drive.faults import Fault
from tests.servers.drive.files import File
from tests.servers.drive.service import Service
from tests.servers.drive.storage import new_id, now_ms


class Control:
    """Each public method is a route: `POST /emulator/NAME` with its JSON."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def add_routes(self, app: web.Application) -> None:
        """Make the routes known."""
        orders = (
            *(self.account, self.key, self.change_account, self.token, self.forget_tokens),
            *(self.drive, self.share, self.faults, self.settings, self.state, self.forget_requests),
        )
        for order in orders:
            app.router.add_post(f"/emulator/{order.__name__}", order)

    async def account(self, request: web.Request) -> web.Response:
        """Make an account, or return the one that is there."""
        order = await request.json()
        accounts = self._service.accounts
        made = accounts.find(order["email"]) or accounts.add(
            order["email"],
            order["name"],
            storage=order["storage"],
            project=order.get("project", ""),
        )
        return web.json_response({"email": made.email, "root": made.root})

    async def key(self, request: web.Request) -> web.Response:
        """Give an account a new key, and return its key file."""
        order = await request.json()
        return web.json_response(
            self._service.accounts.make_key(order["email"], order["token_uri"])
        )

    async def change_account(self, request: web.Request) -> web.Response:
        """Disable or delete an account, withdraw its key, give it storage."""
        order = await request.json()
        self._service.accounts.change(order.pop("email"), **order)
        return web.json_response({})

    async def token(self, request: web.Request) -> web.Response:
        """Return an access token, with no key asked for."""
        order = await request.json()
        token = self._service.accounts.token(
            order["email"], order.get("scope", FULL_SCOPE), order.get("seconds")
        )
        return web.json_response({"token": token})

    async def forget_tokens(self, _: web.Request) -> web.Response:
        """Make all tokens invalid."""
        self._service.accounts.forget_tokens()
        return web.json_response({})

    async def drive(self, request: web.Request) -> web.Response:
        """Make a shared drive, with members by role."""
        order = await request.json()
        drive_id, now = "0A" + new_id(17), now_ms()
        with self._service.storage.transaction():
            row = {"id": drive_id, "name": order["name"], "created": now}
            self._service.storage.insert("drives", row)
            root = File(drive_id, "Drive", FOLDER, None, drive_id, None, now, now)
            self._service.files.save(root)
            for email, role in order["members"].items():
                self._service.files.share(root, email, role)
        return web.json_response({"id": drive_id})

    async def share(self, request: web.Request) -> web.Response:
        """Give an account a role on a file, a folder or a drive, or take it away."""
        order = await request.json()
        file = self._service.files.find(order["file"])
        if file is None:
            raise web.HTTPNotFound
        self._service.files.share(file, order["email"], order["role"])
        return web.json_response({})

    async def faults(self, request: web.Request) -> web.Response:
        """Put these faults in place of the former ones."""
        order = await request.json()
        faults = [Fault(**told) for told in order["faults"]]
        self._service.faults.order(faults, order["seed"])
        return web.json_response({})

    async def settings(self, request: web.Request) -> web.Response:
        """Change how many calls a second an account may make, and how long tokens last."""
        order = await request.json()
        if "calls_per_second" in order:
            self._service.calls_per_second = order["calls_per_second"]
        if "token_seconds" in order:
            self._service.accounts.lifetime = order["token_seconds"]
        return web.json_response({})

    async def state(self, _: web.Request) -> web.Response:
        """Return all that is kept: files with their paths, sessions, counters."""
        service = self._service
        uploads = service.storage.rows(
            "SELECT id, email, file, received, state FROM uploads ORDER BY created"
        )
        return web.json_response(
            {
                "files": [_told(file) for file in service.files.select("1 ORDER BY f.id")],
                "uploads": [dict(row) for row in uploads],
                "requests": service.requests,
                "struck": service.faults.struck,
            }
        )

    async def forget_requests(self, _: web.Request) -> web.Response:
        """Count requests from zero."""
        self._service.requests.clear()
        return web.json_response({})


def _told(file: File) -> Json:
    return {name: getattr(file, name) for name in File.__slots__} | {"path": ""}
