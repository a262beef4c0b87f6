# made by frameiofs desktop install
"""Shows with an emblem where a file of a frameiofs mount is safe.

Needs nautilus-python (python3-nautilus) or nemo-python, and a mount with --xattr.
"""
import os

from gi.repository import GObject

try:
    from gi.repository import Nautilus as Files
except ImportError:
    from gi.repository import Nemo as Files

# What is leaving tells its stage; what Frame.io has, the state that it has there.
LEAVING = ("writing", "settling", "waiting", "uploading", "confirming", "verifying")


def emblem(state):
    """The emblem for what user.frameio.state says."""
    stage, _, reason = state.partition(":")
    if stage == "parked":
        return "emblem-important"
    if stage == "held":
        return "emblem-readonly"  # it stays on this machine
    if stage in LEAVING:
        return "emblem-synchronizing"
    return "emblem-synchronized"


class FrameioEmblems(GObject.GObject, Files.InfoProvider):
    def update_file_info(self, file):
        if file.get_uri_scheme() != "file" or file.is_directory():
            return
        try:
            state = os.getxattr(file.get_location().get_path(), "user.frameio.state").decode()
        except OSError:  # not in a mount, or one without --xattr
            return
        file.add_emblem(emblem(state))
