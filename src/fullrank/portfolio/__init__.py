"""``method="auto"``: several methods, each searched a little, and the best by the validation part.

`auto` has the settings, `entries` the methods with what is tried of them, `costs` what each takes
of memory and time, `contest` decides what runs, `trials` runs it, `board` is what came out, `blend`
puts the best together, `final` fits it on all that there is.
"""

from fullrank.portfolio.auto import Auto as Auto
from fullrank.portfolio.auto import configured as configured
from fullrank.portfolio.auto import unnamed as unnamed
from fullrank.portfolio.blend import Blend as Blend
from fullrank.portfolio.final import final_fit as final_fit
from fullrank.portfolio.fitting import fit as fit
from fullrank.portfolio.fitting import stored as stored
from fullrank.portfolio.fitting import stored_in as stored_in
from fullrank.portfolio.weighting import read_weights as read_weights
