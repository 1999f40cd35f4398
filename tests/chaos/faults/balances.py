"""DynamoDB fails."""

from chaos.fault import Scene, fault
from chaos.http_rules import ResetAnswers, Throttle
from chaos.proxy import Hang, Refuse, Rule
from chaos.system import wait

# With this a task's retries take 3 s instead of 31, so that an outage of 20 s outlasts them as minutes do otherwise.
SHORT = 0.1
OUTAGE_S = 20
# Each attempt waits for its limit.
HANGING_S = 30


def outage(scene: Scene, rule: Rule, lasting_s: float = OUTAGE_S) -> None:
    """DynamoDB is under the rule for longer than all retries."""
    system = scene.system
    with system.waits_between_retries(SHORT), system.ruled("DYNAMODB", rule):
        wait(lasting_s)
        scene.check_parked()


@fault("dynamodb-refuses", "DynamoDB refuses connections, for longer than all retries", no_failed_post=True)
def dynamodb_refuses(scene: Scene) -> None:
    """As if nobody listened."""
    outage(scene, Refuse())


@fault("dynamodb-hangs", "DynamoDB accepts connections and never answers, for longer than all retries", no_failed_post=True, rate=5)
def dynamodb_hangs(scene: Scene) -> None:
    """What was sent meanwhile arrives afterwards: late, and out of order."""
    outage(scene, rule := Hang(), HANGING_S)
    scene.check(rule.hits > 0, "requests to hang")


@fault("dynamodb-throttles", "DynamoDB answers that its throughput is exceeded, for longer than all retries", no_failed_post=True)
def dynamodb_throttles(scene: Scene) -> None:
    """Every request."""
    outage(scene, rule := Throttle())
    scene.check(rule.hits > 0, "requests to be throttled")


@fault("dynamodb-resets", "DynamoDB does what it is asked and breaks every third connection in mid-answer", no_failed_post=True)
def dynamodb_resets(scene: Scene) -> None:
    """Nobody knows what was written."""
    with scene.system.ruled("DYNAMODB", rule := ResetAnswers("UpdateItem", one_in=3)):
        wait(10)
    scene.note(f"{rule.hits} answers cut off")
    scene.check(rule.hits > 0, "answers to be cut off")
