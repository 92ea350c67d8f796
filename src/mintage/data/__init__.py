"""The data room: real examples, what they are, in which order they come, and how they are written back."""

from mintage.data.errors import DataError as DataError
from mintage.data.examples import Batch as Batch
from mintage.data.examples import Examples as Examples
from mintage.data.examples import Reject as Reject
from mintage.data.look import Look as Look
from mintage.data.look import contact_sheet as contact_sheet
from mintage.data.look import look as look
from mintage.data.order import Batches as Batches
from mintage.data.plan import Fit as Fit
from mintage.data.shards import parts_of as parts_of
from mintage.data.shards import write_shards as write_shards
from mintage.data.sheets import sheet as sheet
from mintage.data.sources import open_data as open_data
from mintage.data.spec import DataSpec as DataSpec
from mintage.data.spec import Given as Given
from mintage.data.toys import Toy as Toy
from mintage.data.toys import toy as toy
from mintage.data.writing import to_uint8 as to_uint8
from mintage.data.writing import write_examples as write_examples
from mintage.data.writing import written as written
