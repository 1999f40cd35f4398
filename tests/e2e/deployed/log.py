"""The log of the second door, as its own consumers see it: which requests are in it, and what became of them."""

import json
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Message, Producer, TopicPartition
from confluent_kafka import KafkaError as Error
from confluent_kafka.admin import AdminClient
from fluxo_local.kafka_client import PREFIX

from deployed.waiting import eventually
from deployed.workflow import Execution

TIMEOUT_S = 20
RECORDS_AT_ONCE = 1_000
ENTRIES, TOTALS, DEAD = f"{PREFIX}.entries", f"{PREFIX}.totals", f"{PREFIX}.dead"
RETRIES = (f"{PREFIX}.retry.1m", f"{PREFIX}.retry.15m")
RECORD_GROUP, CONSUME_GROUP = "entries-record", "consolidation-consume"


@dataclass(frozen=True)
class Appended:
    """A record, and where it is."""

    topic: str
    partition: int
    offset: int
    value: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, message: Message) -> "Appended":
        """As the client gives it."""
        headers = {name: (value or b"").decode(errors="replace") for name, value in message.headers() or []}
        return cls(message.topic(), message.partition(), message.offset(), message.value() or b"", headers)

    @property
    def execution(self) -> str:
        """What the request is called that was appended here."""
        return self.headers.get("execution", "")


class Topic:
    """A topic from its beginning. What was read once is kept."""

    def __init__(self, brokers: str, name: str) -> None:
        self._consumer = reader(brokers, "fluxo-tests")
        # Apart: what it asks would wait behind the other one's fetches, which wait for records.
        self._asking = reader(brokers, "fluxo-tests")
        self._partitions = partitions_of(self._consumer, name)
        self._consumer.assign([TopicPartition(name, each.partition, 0) for each in self._partitions])
        self._read: list[Appended] = []

    def records(self) -> list[Appended]:
        """All that are in it now."""
        ends = self.ends()
        read = dict.fromkeys(ends, 0) | {each.partition: each.offset + 1 for each in self._read}
        while any(read[partition] < end for partition, end in ends.items()):
            for message in self._consumer.consume(RECORDS_AT_ONCE, 0.1):
                if message.error():
                    if message.error().code() != Error._PARTITION_EOF:
                        raise KafkaException(message.error())
                    continue
                record = Appended.of(message)
                self._read.append(record)
                read[record.partition] = record.offset + 1
        return list(self._read)

    def ends(self) -> dict[int, int]:
        """The offset of the next record of each partition."""
        return {each.partition: self._asking.get_watermark_offsets(each, TIMEOUT_S)[1] for each in self._partitions}


class Log:
    """What `Workflow` is for the first door, here for the second."""

    def __init__(self, brokers: str, logs: Path) -> None:
        self._brokers = brokers
        self._logs = logs
        self._topics: dict[str, Topic] = {}
        self._readers: dict[str, Consumer] = {}

    def topic(self, name: str) -> Topic:
        """The topic of this name."""
        if name not in self._topics:
            self._topics[name] = Topic(self._brokers, name)
        return self._topics[name]

    def names(self) -> list[str]:
        """Of all requests that were appended."""
        return list(dict.fromkeys(record.execution for record in self.topic(ENTRIES).records()))

    def names_for(self, entry_id: str) -> list[str]:
        """Of those of one entry: the name of each begins with the id."""
        return [name for name in self.names() if name.startswith(entry_id)]

    def finished(self, name: str) -> Execution:
        """What became of a request, once that is known."""
        record = [record for record in self.topic(ENTRIES).records() if record.execution == name][-1]
        self._until_handled(RECORD_GROUP, ENTRIES, {record.partition: record.offset + 1}, f"{name} to be posted")
        self._until_handled(CONSUME_GROUP, TOTALS, self.topic(TOTALS).ends(), f"the totals of {name} to be written")
        moved = [each for topic in (*RETRIES, DEAD) for each in self.topic(topic).records() if each.execution == name]
        error = moved[-1].headers["reason"] if moved else None
        return Execution("FAILED" if moved else "SUCCEEDED", json.loads(record.value), None, error, [], [error] if error else [])

    def until_failing(self, program: str, error: str, since: int) -> None:
        """Returns when a program has said that it failed with this error, later than the first `since` characters of its log."""
        eventually(lambda: self.said(program)[since:], lambda said: error in said, f"{program} to fail with {error}")

    def said(self, program: str) -> str:
        """What a program has logged."""
        return (self._logs / f"{program.replace(' ', '-')}.log").read_text(errors="replace")

    def take_as_handled(self, group: str, topic: str) -> None:
        """Whoever reads for the group goes on behind all that is in the topic now, once the group has nobody in it any more."""
        client = AdminClient({"bootstrap.servers": self._brokers})
        ends = [TopicPartition(topic, partition, end) for partition, end in self.topic(topic).ends().items()]

        def refusals() -> list[object]:
            (answer,) = client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, ends)]).values()
            if error := answer.exception(TIMEOUT_S):
                return [error]
            return [each.error for each in answer.result().topic_partitions if each.error]

        eventually(refusals, lambda refused: not refused, f"{group} to have no members")

    def append(self, topic: str, value: str, **headers: str) -> None:
        """Appends a record, as nobody but a program of ours does otherwise."""
        producer = Producer({"bootstrap.servers": self._brokers, "acks": "all"})
        producer.produce(topic, value=value, headers=headers)
        assert producer.flush(TIMEOUT_S) == 0, f"the record was not appended to {topic}"

    def _until_handled(self, group: str, topic: str, ends: dict[int, int], expected: str) -> None:
        if group not in self._readers:
            self._readers[group] = reader(self._brokers, group)
        reader_of = self._readers[group]
        partitions = [TopicPartition(topic, partition) for partition, end in ends.items() if end > 0]

        def behind() -> dict[int, int]:
            committed = {each.partition: max(each.offset, 0) for each in reader_of.committed(partitions, TIMEOUT_S)}
            return {number: committed[number] for number in committed if committed[number] < ends[number]}

        eventually(behind, lambda left: not left, f"{expected} by {group}")


def reader(brokers: str, group: str) -> Consumer:
    """Who reads without joining the group."""
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            # Kafka is killed on purpose; who asks then is told so by an exception.
            "log_level": 0,
        }
    )


def partitions_of(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """All partitions of a topic."""
    return [TopicPartition(topic, number) for number in consumer.list_topics(topic, TIMEOUT_S).topics[topic].partitions]
