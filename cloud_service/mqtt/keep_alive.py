"""When to ping the broker, and when to give up on it. Pure: time and traffic are passed in."""

from typing import Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["alive", "ping", "lost"]


class Traffic(Struct):
    """Bytes that a connection has carried so far."""

    received: int = 0
    sent: int = 0


class KeepAlive:
    """Pings after `seconds` without traffic in a direction; gives up after twice as long without an answer.

    Any byte from the broker counts as an answer.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self.seconds = seconds
        """0 never pings and never gives up."""
        self._received = 0
        self._sent = 0
        self._last_received = now
        self._last_sent = now
        self._pinged = False

    def note(self, now: float, traffic: Traffic) -> None:
        """Takes note of what came and went since the last call."""
        if traffic.received != self._received:
            self._received, self._last_received, self._pinged = traffic.received, now, False
        if traffic.sent != self._sent:
            self._sent, self._last_sent = traffic.sent, now

    def silence(self, now: float) -> float:
        """Returns for how many seconds the broker has sent nothing."""
        return now - self._last_received

    def verdict(self, now: float) -> Verdict:
        """Says what to do now. After "ping", the caller sends a PINGREQ."""
        if not self.seconds:
            return "alive"
        if self.silence(now) >= 2 * self.seconds:
            return "lost"
        unanswered = self.silence(now) >= self.seconds and not self._pinged
        if unanswered or now - self._last_sent >= self.seconds:
            self._pinged = True
            self._last_sent = now
            return "ping"
        return "alive"
