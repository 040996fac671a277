"""What Prometheus is told before anything has happened."""

import subprocess
import sys


def test_alerts_of_every_kind_are_counted_from_zero_before_the_first() -> None:
    code = "import alerting.metrics, prometheus_client; print(prometheus_client.generate_latest().decode())"
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert 'vigie_alerts_fired_total{scope="all"} 0.0' in lines
    assert 'vigie_alerts_suppressed_total{scope="all"} 0.0' in lines
    assert 'vigie_radar_surges_total{scope="all"} 0.0' in lines
