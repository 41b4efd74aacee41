"""`rules/actions/sending.py` with the services' own addresses put at a server of the test: `sending_at.py URL`."""

import runpy
import sys
from pathlib import Path

from apprise.plugins import opsgenie, pagerduty, slack

pagerduty.PAGERDUTY_API_LOOKUP["us"] = f"{sys.argv[1]}/pagerduty"
opsgenie.OPSGENIE_API_LOOKUP["us"] = f"{sys.argv[1]}/opsgenie"
slack.NotifySlack.webhook_url = f"{sys.argv[1]}/slack"

runpy.run_path(str(Path(__file__).parents[2] / "rules" / "actions" / "sending.py"), run_name="__main__")
