"""What a person looks at: the overlay picture and the HTML report of selections."""

from semclip.render.boxes import overlay, write_overlay
from semclip.render.heat import heat_map
from semclip.render.page import Reply, report, write_report

__all__ = ["Reply", "heat_map", "overlay", "report", "write_overlay", "write_report"]
