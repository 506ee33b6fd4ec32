"""From a request to its handler."""

from datetime import datetime

from cloud_service.core.view import NetworkView
from cloud_service.protocol.actions import Action
from cloud_service.protocol.errors import Forbidden
from cloud_service.protocol.requests import Request
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers import Handlers
from cloud_service.service.engine.handlers.decision import Decision


def dispatch(
    action: Action, handlers: Handlers, network: NetworkView, request: Request, caller: Caller, now: datetime
) -> Decision:
    """Has the action's handler decide. Raises a RequestError for a refusal, Forbidden by role included."""
    if action.roles.isdisjoint(caller.roles):
        raise Forbidden(f"{caller.name} may not ask for {action.name}")
    return handlers[action.request](network, request, caller, now)
