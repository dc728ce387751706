"""The conversations that connections of this node belong to."""

from collections.abc import Iterable

from copconnect.ids import ConversationId
from copconnect.sockets.topics.topic import Topic


class Topics:
    """A topic lives while a connection of this node belongs or something about it is under way."""

    def __init__(self) -> None:
        self._topics: dict[ConversationId, Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    def get(self, conversation_id: ConversationId) -> Topic | None:
        """Return a topic that lives."""
        return self._topics.get(conversation_id)

    def all(self) -> Iterable[Topic]:
        """Return every topic."""
        return list(self._topics.values())

    def open(self, conversation_id: ConversationId, head: int, epoch: int) -> Topic:
        """Return the topic, a new one if there is none."""
        topic = self._topics.get(conversation_id)
        if topic is None:
            topic = self._topics[conversation_id] = Topic(conversation_id, head, epoch)
        return topic

    def forget_if_idle(self, topic: Topic) -> None:
        """Forget a topic that nobody needs."""
        if topic.idle and self._topics.get(topic.conversation_id) is topic:
            del self._topics[topic.conversation_id]
