"""The methods of the package, one import line each: see `fullrank.methods.table`."""

from fullrank.methods.bce import BCE as BCE
from fullrank.methods.bpr import BPR as BPR
from fullrank.methods.ccl import CCL as CCL
from fullrank.methods.cl_rec import CLRec as CLRec
from fullrank.methods.closed_form.allpass import AllPass as AllPass
from fullrank.methods.closed_form.ease import EASE as EASE
from fullrank.methods.closed_form.ials import IALS as IALS
from fullrank.methods.closed_form.itemknn import ItemKNN as ItemKNN
from fullrank.methods.closed_form.popularity import Popularity as Popularity
from fullrank.methods.closed_form.spectral import Spectral as Spectral
from fullrank.methods.directau import DirectAU as DirectAU
from fullrank.methods.directspec import DirectSpec as DirectSpec
from fullrank.methods.directspec_plus import DirectSpecPlus as DirectSpecPlus
from fullrank.methods.dropedge import DropEdge as DropEdge
from fullrank.methods.enmf import ENMF as ENMF
from fullrank.methods.euclidean import Euclidean as Euclidean
from fullrank.methods.euclidean_positive import EuclideanPositive as EuclideanPositive
from fullrank.methods.gde import GDE as GDE
from fullrank.methods.lightgcl import LightGCL as LightGCL
from fullrank.methods.lightgcn import LightGCN as LightGCN
from fullrank.methods.log_positive import LogPositive as LogPositive
from fullrank.methods.logdet import LogDet as LogDet
from fullrank.methods.sgl import SGL as SGL
