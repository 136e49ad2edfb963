"""``python -m postern`` is ``postern``."""

from postern.cli import main

raise SystemExit(main())
