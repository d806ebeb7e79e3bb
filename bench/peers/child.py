"""For peers that are whole programs: runs one and measures it from outside, start-up included."""
import json
import resource
import subprocess
import time


class Child:
    def __init__(self, command, text_in=None, environment=None):
        began = time.monotonic()
        done = subprocess.run(
            command, input=text_in, text=True, capture_output=True, env=environment, check=False
        )
        self.output = done.stdout
        self._began = began

    def tell(self, started):
        """With what was done to read the child's results."""
        of_child = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in (of_child, own))
        print(
            json.dumps(
                {
                    "started": started,
                    "wall_s": time.monotonic() - self._began,
                    "cpu_s": cpu_s,
                    "rss_kb": of_child.ru_maxrss,
                }
            )
        )
