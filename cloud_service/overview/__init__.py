"""The network as any client sees it: retained state, presence and events, in one place and in order."""
