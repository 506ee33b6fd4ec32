"""When to try again after a connection to the broker has ended, and what to say about its end.

Pure: time is passed in. Both drivers use it, so that every client of ours comes back in the same way.
"""

from typing import Final

from msgspec import Struct

from cloud_service.mqtt.backoff import Backoff
from cloud_service.mqtt.session import Loss

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
"""Between two attempts while nothing answers. A request of ours is valid for eight seconds: one that is sent
meanwhile is still answered if the broker comes back in time."""
LONGEST_REFUSED_SECONDS: Final = 30.0
"""Between two attempts that the broker refuses."""
FIRST_CONTESTED_SECONDS: Final = 1.0
LONGEST_CONTESTED_SECONDS: Final = 30.0
"""After the broker has given our session to another client."""
LONGEST_GUESS_SECONDS: Final = 4.0
"""The same, if the other client is only a guess: the reason may be a bad connection, whose requests must not
wait for longer."""
_AT_ONCE_SECONDS: Final = 1.0
_SOON_SECONDS: Final = LONGEST_GUESS_SECONDS + 2
"""A rival of our own kind comes back after LONGEST_GUESS_SECONDS at the latest."""
_STEADY_SECONDS: Final = 2 * LONGEST_CONTESTED_SECONDS
"""A connection that lasted this long was not contested."""


class Retry(Struct, frozen=True):
    """After how many seconds to try again. The reason completes the sentence "The broker ..."."""

    pause: float
    reason: str


class Reconnection:
    """One client's losses and returns.

    Mosquitto 2.1 tells an MQTT 5 client that another client with its ID has taken over the session. Other
    versions just close the connection. That is also how a broker ends; but a broker that has ended does not
    accept the next attempt.
    """

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._unanswered = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, jitter=True)
        self._refused = Backoff(FIRST_PAUSE_SECONDS, LONGEST_REFUSED_SECONDS, jitter=True)
        self._contested = Backoff(FIRST_CONTESTED_SECONDS, LONGEST_CONTESTED_SECONDS, jitter=True)
        self._connected_at: float | None = None
        self._attempts = 0
        """Since the last connection ended."""
        self._returned_at_once = False

    def connected(self, now: float) -> None:
        """The broker has accepted the login and the subscriptions."""
        self._connected_at = now
        self._returned_at_once = self._attempts == 1
        self._attempts = 0
        self._unanswered.reset()
        self._refused.reset()

    def retry(self, loss: Loss, now: float) -> Retry:
        """Says when to try again after a connection was lost, or could not be made."""
        self._attempts += 1
        connected_at, self._connected_at = self._connected_at, None
        if connected_at is None:
            pauses = self._refused if loss.cause == "refused" else self._unanswered
            return Retry(pauses.next_pause(), loss.reason)
        lasted = now - connected_at
        if loss.cause == "taken over":
            return self._taken_over(lasted)
        if loss.cause == "closed" and self._looks_taken_over(lasted):
            return self._perhaps_taken_over(lasted)
        self._contested.reset()
        return Retry(self._unanswered.next_pause(), loss.reason)

    def _looks_taken_over(self, lasted: float) -> bool:
        return lasted < (_SOON_SECONDS if self._returned_at_once else _AT_ONCE_SECONDS)

    def _taken_over(self, lasted: float) -> Retry:
        if lasted >= _STEADY_SECONDS:
            self._contested.reset()
        return Retry(
            self._contested.next_pause(),
            f"ended the connection: there is a second {self._client_id} at this broker, which allows a"
            " client ID one connection; stop one of the two, or give it another ID",
        )

    def _perhaps_taken_over(self, lasted: float) -> Retry:
        return Retry(
            min(self._contested.next_pause(), LONGEST_GUESS_SECONDS),
            f"ended the connection after {lasted:.1f} s"
            f" (is there a second {self._client_id} at this broker?)",
        )
