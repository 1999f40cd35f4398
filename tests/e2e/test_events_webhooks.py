"""Webhooks of the deployed stack, delivered for real to a receiver on this machine."""

import random
from http import HTTPStatus
from typing import Any

import pytest
from deployed.merchant import Merchant, entry
from deployed.waiting import eventually
from deployed.webhooks import CRASH, by_id, receiving

# Less than the pause after which the schedule would find it: the stream has to.
WITHIN_S = 30


def test_an_entry_is_at_its_receiver_within_seconds_and_verified(merchant: Merchant) -> None:
    with receiving() as receiver:
        endpoint = merchant.register_endpoint(receiver.url)
        assert endpoint["secret"].startswith("whsec_") and endpoint["public_key"].startswith("whpk_")
        receiver.secret = endpoint["secret"]
        posted = merchant.posted(merchant.accepted(entry("150.75"), "sale").body["id"])
        eventually(
            lambda: {event["type"] for event in receiver.kept.values()},
            {"entry.posted", "day.balance_changed"}.issubset,
            "both events",
            WITHIN_S,
        )
        assert receiver.unverified == []
        (event,) = [event for event in receiver.kept.values() if event["type"] == "entry.posted"]
        assert event["data"]["id"] == posted["id"]
        # What is delivered is in the feed, as it is there.
        assert by_id(merchant.events()) == by_id(list(receiver.kept.values()))
        delivered = eventually(
            lambda: merchant.deliveries(endpoint["id"]), lambda found: [one["status"] for one in found] == ["delivered"] * 2, "deliveries"
        )
        assert {one["event_id"] for one in delivered} == receiver.kept.keys()
        assert all(one["attempt_count"] == 1 and one["last_attempt"]["response_status"] == HTTPStatus.NO_CONTENT for one in delivered)
        # The secret is shown once.
        assert "secret" not in merchant.get(f"/webhook-endpoints/{endpoint['id']}").body


def test_only_what_an_endpoint_wants_is_sent_to_it(merchant: Merchant) -> None:
    with receiving() as receiver, receiving() as all_of_it:
        for one, types in ((receiver, ["day.sealed"]), (all_of_it, None)):
            one.secret = merchant.register_endpoint(one.url, types)["secret"]
        merchant.posted(merchant.accepted(entry("1.00"), "sale").body["id"])
        assert merchant.seal().status == 201
        eventually(lambda: [event["type"] for event in receiver.kept.values()], lambda kinds: kinds == ["day.sealed"], "the seal", 150)
        eventually(lambda: len(all_of_it.kept), lambda count: count >= 3, "everything", 150)
        assert receiver.unverified == all_of_it.unverified == []


def test_a_receiver_that_crashes_at_random_ends_with_exactly_the_feeds_events(merchant: Merchant) -> None:
    chance = random.Random(24)
    tried: set[str] = set()

    def respond(_number: int, event: dict[str, Any]) -> int:
        """Of first attempts, some get no answer and some a failure; `make chaos` fails for longer."""
        is_first = event["id"] not in tried
        tried.add(event["id"])
        return chance.choice([HTTPStatus.NO_CONTENT, HTTPStatus.OK, CRASH, HTTPStatus.INTERNAL_SERVER_ERROR]) if is_first else HTTPStatus.OK

    with receiving() as receiver:
        receiver.respond = respond
        endpoint = merchant.register_endpoint(receiver.url)
        receiver.secret = endpoint["secret"]
        for number in range(12):
            merchant.accepted(entry("1.00", description=f"sale {number}"), f"sale-{number}")
        posted = eventually(
            lambda: [event for event in merchant.events() if event["type"] == "entry.posted"], lambda found: len(found) == 12, "12 entries"
        )
        assert len(posted) == 12
        # The second attempt comes after 5 s, or is found by the sweep of the next minute.
        eventually(lambda: by_id(list(receiver.kept.values())) == by_id(merchant.events()), bool, "the receiver to have the feed", 150)
        assert receiver.unverified == []
        assert len(receiver.headers) > len(receiver.kept), "nothing crashed"


def test_while_a_secret_is_rotated_both_are_good(merchant: Merchant) -> None:
    with receiving() as receiver:
        endpoint = merchant.register_endpoint(receiver.url)
        old = endpoint["secret"]
        rotated = merchant.change("POST", f"/webhook-endpoints/{endpoint['id']}/rotate-secret")
        assert rotated.status == 200 and rotated.body["secret"] != old and rotated.body["previous_valid_until"], rotated
        for number, secret in enumerate((old, rotated.body["secret"])):
            receiver.secret = secret
            merchant.accepted(entry("1.00"), f"sale-{number}")
            count = 2 * (number + 1)
            eventually(lambda count=count: len(receiver.kept), lambda kept, count=count: kept >= count, "an event with either secret")
        assert receiver.unverified == []
        assert all(headers["webhook-signature"].count("v1,") == 2 for headers in receiver.headers), receiver.headers


def test_a_receiver_that_is_gone_is_switched_off_and_goes_on_where_it_stopped(merchant: Merchant) -> None:
    with receiving() as receiver:
        receiver.respond = lambda number, event: HTTPStatus.GONE
        endpoint = merchant.register_endpoint(receiver.url, ["entry.posted", "webhook_endpoint.disabled"])
        receiver.secret = endpoint["secret"]
        merchant.accepted(entry("1.00"), "unwanted")
        path = f"/webhook-endpoints/{endpoint['id']}"
        eventually(lambda: merchant.get(path).body["status"], lambda status: status == "disabled", "it to be switched off")
        (disabled,) = eventually(
            lambda: merchant.events(types="webhook_endpoint.disabled"), lambda found: len(found) == 1, "the feed to tell of it"
        )
        assert disabled["data"]["endpoint_id"] == endpoint["id"]
        second = merchant.accepted(entry("2.00"), "while-off").body["id"]
        merchant.posted(second)
        receiver.respond = lambda number, event: HTTPStatus.NO_CONTENT
        assert merchant.change("POST", f"{path}/enable").status == 200
        eventually(
            lambda: [event["data"].get("id") for event in receiver.kept.values()], lambda ids: second in ids, "what came meanwhile", 150
        )


def test_what_failed_for_good_is_delivered_again_by_hand(merchant: Merchant) -> None:
    with receiving() as receiver:
        receiver.respond = lambda number, event: HTTPStatus.UNPROCESSABLE_ENTITY
        endpoint = merchant.register_endpoint(receiver.url, ["entry.posted"])
        receiver.secret = endpoint["secret"]
        merchant.accepted(entry("1.00"), "refused")
        (failed,) = eventually(
            lambda: merchant.deliveries(endpoint["id"]), lambda found: [one["status"] for one in found] == ["failed"], "a failed delivery"
        )
        receiver.respond = lambda number, event: HTTPStatus.NO_CONTENT
        again = merchant.change("POST", f"/webhook-endpoints/{endpoint['id']}/deliveries/{failed['id']}/redeliver")
        assert again.status == 202, again
        eventually(lambda: list(receiver.kept), lambda ids: ids == [failed["event_id"]], "the event")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:8080/",
        "http://localhost:8080/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://user:password@example.com/",
        "https://example.com:22/",
        "http://example.com/",
        "ftp://example.com/",
    ],
)
def test_no_endpoint_leads_into_a_private_network(merchant: Merchant, url: str) -> None:
    answer = merchant.change("POST", "/webhook-endpoints", {"url": url})
    assert answer.status == 400, answer
    assert answer.faults == ["/url"], answer


def test_a_name_that_leads_to_a_private_address_gets_nothing(merchant: Merchant) -> None:
    """The resolver of every machine leads this name to the machine itself (RFC 6761)."""
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        answer = merchant.change("POST", "/webhook-endpoints", {"url": f"https://hooks.localhost:{port}/"})
        if answer.status == 400:
            return
        merchant.accepted(entry("1.00"), "sale")
        (tried, *_) = eventually(
            lambda: [one for one in merchant.deliveries(answer.body["id"]) if one.get("last_attempt")], bool, "an attempt"
        )
        assert tried["last_attempt"]["error"] in ("refused_address", "no_such_host")
        assert receiver.headers == []


def test_endpoints_of_others_are_not_there(merchant: Merchant) -> None:
    with receiving() as receiver:
        endpoint = merchant.register_endpoint(receiver.url)
        stranger = Merchant(merchant.stack)
        path = f"/webhook-endpoints/{endpoint['id']}"
        assert [stranger.change(method, path).status for method in ("GET", "DELETE")] == [404, 404]
        assert stranger.get("/webhook-endpoints").body == {"endpoints": []}
        assert merchant.change("DELETE", path).status == 204
        assert merchant.get(path).status == 404
