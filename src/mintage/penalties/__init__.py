"""Penalties: functions of a critic and its inputs that return a scalar to be added to the critic's loss."""

from mintage.penalties.zero_centred import Penalty as Penalty
from mintage.penalties.zero_centred import on_share as on_share
from mintage.penalties.zero_centred import r1 as r1
from mintage.penalties.zero_centred import r2 as r2
from mintage.penalties.zero_centred import squared_gradient_norm as squared_gradient_norm
from mintage.penalties.zero_centred import zero_centred as zero_centred
