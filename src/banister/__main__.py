"""`python -m banister`."""

import sys

from banister.cli import main

sys.exit(main())
