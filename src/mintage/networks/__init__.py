"""Networks by family, and the layers they are made of; never a loss."""

from mintage.networks.activation import Activation as Activation
from mintage.networks.blocks import InvertedBlock as InvertedBlock
from mintage.networks.dcgan import DCGANDiscriminator as DCGANDiscriminator
from mintage.networks.dcgan import DCGANGenerator as DCGANGenerator
from mintage.networks.dcgan import DCGANSize as DCGANSize
from mintage.networks.dropout import Dropout as Dropout
from mintage.networks.grids import Grid as Grid
from mintage.networks.grids import plan as plan
from mintage.networks.heads import BasisHead as BasisHead
from mintage.networks.heads import FastHead as FastHead
from mintage.networks.macs import macs as macs
from mintage.networks.magnitude import UnitBlock as UnitBlock
from mintage.networks.magnitude import UnitConv2d as UnitConv2d
from mintage.networks.magnitude import renormalise as renormalise
from mintage.networks.mlp import MLP as MLP
from mintage.networks.mlp import Maxout as Maxout
from mintage.networks.mlp import MLPDiscriminator as MLPDiscriminator
from mintage.networks.mlp import MLPGenerator as MLPGenerator
from mintage.networks.resampling import Downsample as Downsample
from mintage.networks.resampling import Upsample as Upsample
from mintage.networks.residual import ResidualDiscriminator as ResidualDiscriminator
from mintage.networks.residual import ResidualGenerator as ResidualGenerator
from mintage.networks.residual_sizes import SIZES as SIZES
from mintage.networks.residual_sizes import Size as Size
from mintage.networks.spectral import SpectralNorm as SpectralNorm
from mintage.networks.spectral import spectral_norm as spectral_norm
