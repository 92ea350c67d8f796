"""Penalties: functions of a critic and its inputs that return a scalar to be added to the critic's loss."""

from mintage.penalties.catalogue import PENALTIES as PENALTIES
from mintage.penalties.catalogue import Penalty as Penalty
from mintage.penalties.consistency import balanced_consistency as balanced_consistency
from mintage.penalties.consistency import consistency as consistency
from mintage.penalties.fitting import per_example as per_example
from mintage.penalties.fitting import piecewise_linear as piecewise_linear
from mintage.penalties.game_gradient import gradient_norm as gradient_norm
from mintage.penalties.lecam import Anchors as Anchors
from mintage.penalties.lecam import lecam as lecam
from mintage.penalties.noise import noise_penalty as noise_penalty
from mintage.penalties.one_centred import dragan as dragan
from mintage.penalties.one_centred import gradient_penalty as gradient_penalty
from mintage.penalties.path_length import MeanLength as MeanLength
from mintage.penalties.path_length import path_length as path_length
from mintage.penalties.slopes import Slope as Slope
from mintage.penalties.slopes import autograd as autograd
from mintage.penalties.slopes import backend as backend
from mintage.penalties.slopes import explicit as explicit
from mintage.penalties.slopes import finite_difference as finite_difference
from mintage.penalties.slopes import squared_gradient_norm as squared_gradient_norm
from mintage.penalties.zero_centred import Pointwise as Pointwise
from mintage.penalties.zero_centred import on_share as on_share
from mintage.penalties.zero_centred import r1 as r1
from mintage.penalties.zero_centred import r2 as r2
from mintage.penalties.zero_centred import zero_centred as zero_centred
