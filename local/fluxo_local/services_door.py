"""The second door: Kafka, the services, and an HTTP API before them, beside the stack whose stores and users they share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fluxo_local import deployment, kafka_client, terminal
from fluxo_local.aws import REGION, aws_environment
from fluxo_local.doors import SERVICES
from fluxo_local.kafka import Kafka
from fluxo_local.processes import Service, run_tool
from fluxo_local.profile import CHECKOUT, write_json
from fluxo_local.python_tools import SAM
from fluxo_local.running import RunningServices
from fluxo_local.services import CONSOLIDATION, ENTRIES, PROGRAMS, WORKER, Services, client_ids

TEMPLATE = CHECKOUT / "services" / "template.yaml"
STACK_NAME = f"{deployment.STACK_NAME}-{SERVICES}"
# Known before it is deployed, so that the console's distribution can lead there.
API_ID = "services"


@dataclass(frozen=True)
class ServicesDoor:
    """The second door of one profile."""

    kafka: Kafka
    services: Services

    def start(self, broker: Service, stack: dict[str, Any], running: RunningServices) -> dict[str, Any]:
        """Starts all of it on a stack that is deployed, with a broker that is starting; answers the stack with this door's API."""
        with terminal.step("Waiting for Kafka") as step:
            self.kafka.await_ready(broker, step)
        kafka_client.make_topics(self.kafka.brokers)
        for program in PROGRAMS:
            # Started again, nobody waits for it: what it needs to be ready may have ended, too, and be started again after it.
            running.add(self.services.start(program, stack), restart=partial(self.services.begin, program, stack))
        self._deploy_api(stack)
        endpoint = self.services.deployment.engine.endpoint
        stack |= {
            "door": SERVICES,
            "url": f"{endpoint}/_aws/execute-api/{API_ID}",
            "lambda_url": stack["url"],
            "kafka_brokers": self.kafka.brokers,
            # For `worker redrive`.
            "worker": self.services.variables(WORKER, stack),
            "metrics": {program.name: self.services.internal_port(program) for program in PROGRAMS},
        }
        write_json(self.services.deployment.profile.stack_file, stack)
        return stack

    def parameters(self, stack: Mapping[str, Any]) -> dict[str, str]:
        """What the template is given."""
        return {
            "UserPoolId": stack["user_pool_id"],
            "UserPoolClientIds": ",".join(client_ids(stack)),
            "EntriesTarget": self.services.url(ENTRIES),
            "ConsolidationTarget": self.services.url(CONSOLIDATION),
            "WebhookEndpointsFunction": stack["functions"]["WebhookEndpoints"],
            "EmulatorApiId": API_ID,
        }

    def _deploy_api(self, stack: Mapping[str, Any]) -> None:
        profile = self.services.deployment.profile
        file = profile.directory / "services-parameters.yaml"
        write_json(file, self.parameters(stack))
        with terminal.step("sam deploy of the second API") as step:
            run_tool(
                [
                    SAM.program("sam"), "deploy", "--template-file", TEMPLATE, "--stack-name", STACK_NAME, "--region", REGION,
                    "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
                    "--parameter-overrides", f"file://{file}",
                ],
                what="sam deploy of services/template.yaml",
                log=profile.logs / "sam-deploy-services.log",
                environment=deployment.tool_environment() | aws_environment(self.services.deployment.engine.endpoint),
                step=step,
            )  # fmt: skip
