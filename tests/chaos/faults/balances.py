"""DynamoDB fails."""

from fluxo_local.doors import DOORS

from chaos.fault import SHORT_WAITS, Scene, fault
from chaos.http_rules import ResetAnswers, Throttle
from chaos.proxy import Hang, Refuse, Rule
from chaos.system import wait

OUTAGE_S = 20
# Each attempt waits for its limit, and other calls for their turn.
HANGING_S = 30


def outage(scene: Scene, rule: Rule) -> None:
    """DynamoDB is under the rule for longer than all retries."""
    system = scene.system
    with system.waits_between_retries(SHORT_WAITS), system.ruled("DYNAMODB", rule):
        wait(OUTAGE_S)
        scene.check_parked()


@fault("dynamodb-refuses", "DynamoDB refuses connections, for longer than all retries", no_failed_post=True, doors=DOORS)
def dynamodb_refuses(scene: Scene) -> None:
    """As if nobody listened."""
    outage(scene, Refuse())


@fault("dynamodb-hangs", f"DynamoDB accepts connections and never answers, for {HANGING_S} s", no_failed_post=True, rate=5, doors=DOORS)
def dynamodb_hangs(scene: Scene) -> None:
    """What was sent meanwhile arrives afterwards: late, and out of order."""
    with scene.system.ruled("DYNAMODB", rule := Hang()):
        wait(HANGING_S)
    scene.note(f"{rule.hits} requests hung")
    scene.check(rule.hits > 0, "requests to hang")


@fault(
    "dynamodb-throttles", "DynamoDB answers that its throughput is exceeded, for longer than all retries", no_failed_post=True, doors=DOORS
)
def dynamodb_throttles(scene: Scene) -> None:
    """Every request."""
    outage(scene, rule := Throttle())
    scene.check(rule.hits > 0, "requests to be throttled")


@fault(
    "dynamodb-resets", "DynamoDB does what it is asked and breaks every third connection in mid-answer", no_failed_post=True, doors=DOORS
)
def dynamodb_resets(scene: Scene) -> None:
    """Nobody knows what was written."""
    with scene.system.ruled("DYNAMODB", rule := ResetAnswers("UpdateItem", one_in=3)):
        wait(10)
    scene.note(f"{rule.hits} answers cut off")
    scene.check(rule.hits > 0, "answers to be cut off")
