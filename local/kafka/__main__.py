"""Asks Kafka for the launcher, in the environment "kafka-client": makes topics, and prints records as lines of JSON.

    python local/kafka topics BROKERS PREFIX
    python local/kafka records BROKERS TOPIC [GROUP ...]
    python local/kafka containing BROKERS TOPIC TEXT [GROUP ...]
    python local/kafka lag BROKERS TOPIC GROUP

`containing` prints only records that have the text in their values. With groups, each record says which of them have not handled it.
Nothing is committed: who looks changes nothing.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

TIMEOUT_S = 20
# How a stack on AWS has them, but for the copies (services/deploy/eks.yaml).
NAMES = ("entries", "totals", "retry.1m", "retry.15m", "dead")
PARTITIONS = 6
SETTINGS = {"max.message.bytes": 1024 * 1024, "retention.ms": 14 * 24 * 3600 * 1000, "min.insync.replicas": 1}
RECORDS_AT_ONCE = 500


def make_topics(brokers: str, prefix: str) -> None:
    """Makes those that are not there."""
    client = AdminClient({"bootstrap.servers": brokers})
    wanted = [NewTopic(f"{prefix}.{name}", PARTITIONS, 1, config={key: str(value) for key, value in SETTINGS.items()}) for name in NAMES]
    for made in client.create_topics(wanted, operation_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S).values():
        try:
            made.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def records(brokers: str, topic: str, groups: Sequence[str], text: str = "") -> Iterator[Mapping[str, Any]]:
    """All records that the topic has now, with this text in their values."""
    consumer = reader(brokers, "fluxo-local")
    known = consumer.list_topics(topic, TIMEOUT_S).topics[topic]
    partitions = [TopicPartition(topic, number, 0) for number in known.partitions]
    handled = {group: committed(brokers, group, partitions) for group in groups}
    left = set()
    for partition in partitions:
        first, end = consumer.get_watermark_offsets(partition, TIMEOUT_S)
        partition.offset = first
        if first < end:
            left.add(partition.partition)
    consumer.assign(partitions)
    while left:
        for message in consumer.consume(RECORDS_AT_ONCE, 1):
            if error := message.error():
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                left.discard(message.partition())
            elif text.encode() in (message.value() or b""):
                yield described(message, [group for group in groups if message.offset() >= handled[group].get(message.partition(), 0)])
    consumer.close()


def lag(brokers: str, topic: str, group: str) -> int:
    """How many records of the topic the group has not handled."""
    consumer = reader(brokers, group)
    partitions = [TopicPartition(topic, number) for number in consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions]
    ends = {each.partition: consumer.get_watermark_offsets(each, TIMEOUT_S) for each in partitions}
    consumer.close()
    handled = committed(brokers, group, partitions)
    return sum(end - max(first, handled.get(partition, first)) for partition, (first, end) in ends.items())


def committed(brokers: str, group: str, partitions: list[TopicPartition]) -> dict[int, int]:
    """Up to where a group has handled each partition; one that it never committed is not in it."""
    consumer = reader(brokers, group)
    offsets = consumer.committed(partitions, TIMEOUT_S)
    consumer.close()
    return {each.partition: each.offset for each in offsets if each.offset >= 0}


def reader(brokers: str, group: str) -> Consumer:
    """Who reads without joining the group."""
    return Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "enable.partition.eof": True})


def described(message: Message, not_handled_by: list[str]) -> dict[str, Any]:
    """A record as JSON can say it."""
    return {
        "origin": f"{message.topic()}-{message.partition()}-{message.offset()}",
        "appended_at_ms": message.timestamp()[1],
        "headers": {name: (value or b"").decode(errors="replace") for name, value in message.headers() or []},
        "value": (message.value() or b"").decode(errors="replace"),
        "not_handled_by": not_handled_by,
    }


def main(command: str, brokers: str, name: str, *words: str) -> None:
    """Carries out one command."""
    if command == "topics":
        make_topics(brokers, name)
    elif command == "lag":
        print(lag(brokers, name, *words))
    else:
        text, groups = (words[0], words[1:]) if command == "containing" else ("", words)
        for record in records(brokers, name, groups, text):
            print(json.dumps(record))


main(*sys.argv[1:])
