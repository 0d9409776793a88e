from tests.properties.command import main

raise SystemExit(main())
