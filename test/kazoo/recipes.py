"""What users of kazoo do, against the server at the address in the first argument.

Prints one line of JSON for each promise: its name, and what went wrong or null.
"""

import json
import socket
import sys
import threading
import traceback

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
)
from kazoo.recipe.barrier import DoubleBarrier
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.security import make_digest_acl

hosts = sys.argv[1]
deadline = 15
promises = []


def promise(run):
    promises.append(run)
    return run


def connected(**options):
    client = KazooClient(hosts=hosts, timeout=8.0, **options)
    client.start(deadline)
    return client


class Clients:
    """Clients that go when the block ends."""

    def __init__(self, count=1, **options):
        self.clients = [connected(**options) for _ in range(count)]

    def __enter__(self):
        return self.clients[0] if len(self.clients) == 1 else self.clients

    def __exit__(self, *_):
        for client in self.clients:
            client.stop()
            client.close()


def within(event, what):
    assert event.wait(deadline), "never: " + what


@promise
def makes_reads_changes_and_deletes_nodes():
    with Clients() as client:
        assert client.create("/k/a/b", b"1", makepath=True) == "/k/a/b"
        assert client.get("/k/a/b")[0] == b"1"
        stat = client.set("/k/a/b", b"2", version=0)
        assert stat.version == 1
        for raises, run in [
            (BadVersionError, lambda: client.set("/k/a/b", b"3", version=0)),
            (NodeExistsError, lambda: client.create("/k/a/b")),
            (NotEmptyError, lambda: client.delete("/k/a")),
            (NoNodeError, lambda: client.get("/k/none")),
        ]:
            try:
                run()
            except raises:
                continue
            raise AssertionError("no " + raises.__name__)
        assert client.get_children("/k/a", include_data=True)[0] == ["b"]
        client.delete("/k", recursive=True)
        assert client.exists("/k") is None


@promise
def transactions_are_all_or_nothing():
    with Clients() as client:
        client.ensure_path("/t")
        good = client.transaction()
        good.create("/t/a", b"1")
        good.set_data("/t/a", b"2")
        good.check("/t/a", 1)
        assert good.commit()[0] == "/t/a"
        bad = client.transaction()
        bad.create("/t/b")
        bad.check("/t/a", 9)
        results = bad.commit()
        assert isinstance(results[0], RolledBackError)
        assert isinstance(results[1], BadVersionError)
        assert client.exists("/t/b") is None


@promise
def data_watches_and_children_watches_hear_everything():
    with Clients(2) as (watcher, writer):
        writer.ensure_path("/watched")
        values, children = [], []
        seen, grown = threading.Event(), threading.Event()

        @watcher.DataWatch("/watched")
        def on_data(data, stat):
            values.append(data)
            if data == b"9":
                seen.set()

        @watcher.ChildrenWatch("/watched")
        def on_children(names):
            children.append(sorted(names))
            if len(names) == 3:
                grown.set()

        for number in range(10):
            writer.set("/watched", str(number).encode())
        for number in range(3):
            writer.create("/watched/%d" % number)
        within(seen, "the last value")
        within(grown, "the last child")
        assert values[-1] == b"9" and children[-1] == ["0", "1", "2"]


@promise
def one_at_a_time_holds_a_lock():
    with Clients(3) as clients:
        holders, most = [], []

        def work(client, name):
            for _ in range(4):
                with client.Lock("/lock", name):
                    holders.append(name)
                    most.append(len(holders))
                    client.sync("/")
                    holders.remove(name)

        threads = [
            threading.Thread(target=work, args=(client, "c%d" % index))
            for index, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(deadline)
            assert not thread.is_alive(), "a lock was never given"
        assert max(most) == 1 and len(most) == 12


@promise
def a_lock_goes_on_when_its_holder_closes():
    with Clients(2) as (holder, waiter):
        first = holder.Lock("/left", "first")
        assert first.acquire(timeout=deadline)
        got = threading.Event()
        thread = threading.Thread(
            target=lambda: waiter.Lock("/left", "second").acquire(timeout=deadline) and got.set()
        )
        thread.start()
        holder.stop()
        within(got, "the lock of one who left")
        thread.join(deadline)
        holder.start(deadline)


@promise
def a_semaphore_lets_in_as_many_as_it_says():
    with Clients(3) as (one, two, three):
        semaphores = [client.Semaphore("/semaphore", max_leases=2) for client in (one, two, three)]
        assert semaphores[0].acquire(timeout=deadline)
        assert semaphores[1].acquire(timeout=deadline)
        assert not semaphores[2].acquire(blocking=False)
        semaphores[0].release()
        assert semaphores[2].acquire(timeout=deadline)


@promise
def one_leads_and_the_next_follows():
    with Clients(2) as (one, two):
        order, done = [], threading.Event()

        def lead(name):
            order.append(name)
            if len(order) == 2:
                done.set()

        threads = [
            threading.Thread(target=client.Election("/election", name).run, args=(lead, name))
            for client, name in ((one, "one"), (two, "two"))
        ]
        for thread in threads:
            thread.start()
        within(done, "both led")
        for thread in threads:
            thread.join(deadline)
        assert sorted(order) == ["one", "two"]


@promise
def queues_give_each_thing_once_and_the_urgent_first():
    with Clients(2) as (producer, consumer):
        queue = producer.Queue("/queue")
        for number in range(5):
            queue.put(str(number).encode(), priority=100 - number)
        other = consumer.Queue("/queue")
        assert [other.get() for _ in range(6)] == [b"4", b"3", b"2", b"1", b"0", None]
        safe = producer.LockingQueue("/safe")
        safe.put_all([b"a", b"b"])
        taken = consumer.LockingQueue("/safe")
        assert taken.get(deadline) == b"a" and taken.consume()
        assert taken.get(deadline) == b"b" and taken.consume()
        assert len(taken) == 0


@promise
def counters_lose_nothing():
    with Clients(2) as clients:

        def count(client):
            counter = client.Counter("/counter")
            for _ in range(20):
                counter += 1

        threads = [threading.Thread(target=count, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(deadline)
        assert clients[0].Counter("/counter").value == 40


@promise
def barriers_hold_until_all_are_there():
    with Clients(2) as clients:
        reached = []

        def enter(client):
            barrier = DoubleBarrier(client, "/barrier", 2)
            barrier.enter()
            reached.append(client)
            barrier.leave()

        threads = [threading.Thread(target=enter, args=(client,)) for client in clients]
        threads[0].start()
        threads[0].join(0.3)
        assert threads[0].is_alive() and not reached
        threads[1].start()
        for thread in threads:
            thread.join(deadline)
            assert not thread.is_alive()
        assert len(reached) == 2


@promise
def parties_know_their_members():
    with Clients(2) as (one, two):
        party = one.Party("/party", "one")
        other = two.Party("/party", "two")
        party.join()
        other.join()
        assert sorted(party) == ["one", "two"]
        two.stop()
        assert sorted(party) == ["one"]
        two.start(deadline)


@promise
def access_is_for_who_proves_itself():
    with Clients(auth_data=[("digest", "bob:secret")]) as bob:
        acl = make_digest_acl("bob", "secret", all=True)
        bob.create("/private", b"x", acl=[acl])
        with Clients() as eve:
            for run in (eve.get, eve.get_children):
                try:
                    run("/private")
                except NoAuthError:
                    continue
                raise AssertionError("eve may " + run.__name__)
            eve.add_auth("digest", "bob:secret")
            assert eve.get("/private")[0] == b"x"


@promise
def a_tree_cache_follows():
    with Clients(2) as (reader, writer):
        writer.ensure_path("/cached/a")
        cache = TreeCache(reader, "/cached")
        ready, changed = threading.Event(), threading.Event()

        def on_event(event):
            if event.event_type == TreeEvent.INITIALIZED:
                ready.set()
            if event.event_data is not None and event.event_data.data == b"new":
                changed.set()

        cache.listen(on_event)
        cache.start()
        within(ready, "the cache is initialised")
        writer.set("/cached/a", b"new")
        within(changed, "the change")
        assert cache.get_data("/cached/a").data == b"new"
        cache.close()


@promise
def ephemerals_go_with_their_session_and_large_values_pass():
    with Clients() as client:
        with Clients() as other:
            other.create("/gone", ephemeral=True)
            names = [other.create("/seq-", ephemeral=True, sequence=True) for _ in range(3)]
            assert names == sorted(names)
        assert client.exists("/gone") is None
        value = b"x" * 900000
        client.create("/large", value)
        assert client.get("/large")[0] == value
        assert client.server_version()[0] == 3
        assert client.command(b"ruok") == "imok"


@promise
def a_client_that_lost_its_connection_goes_on_with_its_session():
    with Clients() as client:
        client.create("/stays", ephemeral=True)
        session = client.client_id
        lost, back = threading.Event(), threading.Event()

        def on_state(state):
            (back if state == KazooState.CONNECTED else lost).set()

        client.add_listener(on_state)
        client._connection._socket.shutdown(socket.SHUT_RDWR)
        within(lost, "the connection is lost")
        within(back, "the connection is back")
        assert client.client_id == session
        assert client.exists("/stays") is not None


for run in promises:
    wrong = None
    try:
        run()
    except BaseException:
        wrong = traceback.format_exc()
    print(json.dumps({"name": run.__name__.replace("_", " "), "wrong": wrong}), flush=True)
sys.exit(0)
