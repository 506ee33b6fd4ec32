"""How pytest-xdist distributes the tests: file by file, and files with `pytest.mark.alone` at the end."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

MARK = "pytest.mark.alone"


class AloneLast(LoadFileScheduling):
    """Runs the files that contain MARK on one worker after all others have ended.

    Workers report the names of tests without their marks, so the scheduler looks into the files.
    (`--dist loadgroup` ignores its groups with pytest 9.2: pytest-xdist's issue 1386.)
    The last files start first: their tests start processes and take longest.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._alone: dict[str, bool] = {}

    def remove_node(self, node: WorkerController) -> str | None:
        crashed = super().remove_node(node)
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _assign_work_unit(self, node: WorkerController) -> None:
        beside_others = [file for file in self.workqueue if not self._is_alone(file)]
        others = [other for other in self.nodes if other is not node]
        if beside_others or not others:
            self.workqueue.move_to_end((beside_others or list(self.workqueue))[-1], last=False)
            super()._assign_work_unit(node)
        elif not any(other.shutting_down for other in others):
            node.shutdown()

    def _is_alone(self, file: str) -> bool:
        if file not in self._alone:
            self._alone[file] = MARK in (self.config.rootpath / file).read_text()
        return self._alone[file]
