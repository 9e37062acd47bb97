// The gate without sockets: requests go through it step by step, with a clock and a ledger that obey the test.

#include "server/budget/gate.hpp"

#include "tests/support/scripted_ledger.hpp"
#include "tests/support/sim_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace callcache;
using namespace callcache::test;
using reason = refusal::reason;

namespace
{

budget_settings one_a_second()
{
    budget_settings s;
    s.rate = s.burst = 1;
    return s;
}

constexpr auto window = 1030ms;  // of one a second and of three a second

struct request
{
    budget::item number;
    asking who;
    std::optional<gate::turn> turn = {};     // what enter() said
    std::unique_ptr<gate::permit> way = {};  // once it has entered
    std::optional<bool> room = {};           // what acquire() said
    bool may_finish = false;                 // reacquire() has returned

    template<class T>
    bool was_told() const
    {
        return turn && std::holds_alternative<T>(*turn);
    }
    bool has_entered() const { return was_told<gate::entered>(); }
    bool has_room() const { return room.value_or(false); }
    bool must_step_back() const { return room && !*room; }
};

struct harness
{
    explicit harness(budget_settings s = {}, ledger_page kept = after_a_clean_stop()) :
        config(std::move(s)),
        book(std::move(kept)),
        g({loop.get_executor(),
           config,
           100,
           clock,
           book,
           {},
           forwarded_max,
           [this](budget::item i, const asking&, const refusal& why) { expelled.emplace_back(i, why.why); },
           [this](bool is_late) { ledger_late.push_back(is_late); }})
    {}
    ~harness() { g.abandon(); }

    static constexpr std::size_t forwarded_max = 2;

    sim_clock clock;
    asio::io_context loop{1};
    budget_settings config;
    scripted_ledger book;
    std::vector<std::pair<budget::item, reason>> expelled;
    std::vector<bool> ledger_late;
    gate g;
    std::list<request> requests;

    // Lets everything happen that can happen now.
    void settle()
    {
        while (loop.poll() > 0) loop.restart();
        loop.restart();
    }
    void pass(std::chrono::nanoseconds time)
    {
        clock.advance(time);
        settle();
    }
    // Lets as little happen as possible.
    void run_until(const std::function<bool()>& true_now)
    {
        for (int step = 0; step < 1000 && !true_now(); ++step)
        {
            loop.restart();
            loop.poll_one();
        }
        REQUIRE(true_now());
    }

    // --- The steps of a request. Those with a name of their own do not wait for what comes of them.
    request& ask(asking who)
    {
        requests.push_back({requests.size() + 1, std::move(who)});
        start_entering(requests.back());
        settle();
        return requests.back();
    }
    request& ask(const std::string& tool = "t") { return ask(asking{tool, urgency::interactive}); }

    static task<void> take_turn(gate& g, request& r, bool came_back)
    {
        std::vector<asking> who(1, r.who);
        gate::turn t = co_await g.enter(r.number, std::move(who), came_back);
        if (std::holds_alternative<gate::entered>(t)) r.way = std::make_unique<gate::permit>(g, r.number);
        r.turn = std::move(t);
    }
    void start_entering(request& r, bool came_back = false)
    {
        asio::co_spawn(loop, take_turn(g, r, came_back), asio::detached);
    }

    static task<void> wait_for_room(request& r)
    {
        bool room = co_await r.way->acquire();
        r.room = room;
    }
    void start_waiting_for_room(request& r)
    {
        REQUIRE(r.way);
        r.room.reset();
        asio::co_spawn(loop, wait_for_room(r), asio::detached);
    }
    void wants_room(request& r)
    {
        start_waiting_for_room(r);
        settle();
    }

    // As what steps back does: at once, to its place in the queue.
    void step_back(request& r)
    {
        r.way->step_back();
        r.way.reset();
        r.turn.reset();
        start_entering(r, true);
        settle();
    }

    static task<void> wait_for_the_last_piece(request& r)
    {
        co_await r.way->reacquire();
        r.may_finish = true;
    }
    void wants_to_finish(request& r)
    {
        asio::co_spawn(loop, wait_for_the_last_piece(r), asio::detached);
        settle();
    }

    // One that goes all the way to the sending. REQUIRES: there is room.
    request& send(const std::string& tool = "t")
    {
        request& r = ask(tool);
        wants_room(r);
        REQUIRE(r.has_room());
        r.way->sending(request_kind::lookup);
        return r;
    }
    void answer(request& r)
    {
        r.way->answered({});
        settle();
    }
    // So many are sent and answered, one after the other. REQUIRES: one a second.
    void answer_some(int count, std::chrono::milliseconds after)
    {
        for (int n = 0; n < count; ++n)
        {
            request& r = send();
            pass(after);
            answer(r);
            pass(window);
        }
    }

    void refuse_all_for(const std::string& seconds) { g.refused(&seconds); }
    budget_report report() const { return g.spending().report(clock.now()); }
    std::size_t queued() const { return g.spending().queue().size(); }
    std::size_t inside() const { return g.spending().inside(); }
};

}  // namespace

TEST_CASE("429: what had its grant and waits for a new connection is not sent during the pause")
{
    harness w;
    request& r = w.ask();
    w.wants_room(r);
    REQUIRE(r.has_room());
    // The connection turned out to be closed: another one is made, which takes its time. Meanwhile:
    w.refuse_all_for("3600");
    w.wants_room(r);
    CHECK(r.must_step_back());
}

TEST_CASE("429: what has its grant and has yet to hear of it is not sent during the pause, and has spent nothing")
{
    for (std::uint64_t batch_key : {0, 7})
    {
        CAPTURE(batch_key);
        harness w;
        w.book.is_slow = true;
        request& r = w.ask({"t", urgency::interactive, batch_key});
        w.wants_room(r);
        REQUIRE_FALSE(r.room);
        w.book.release();
        w.run_until([&] { return w.inside() == 0; });  // it is granted
        REQUIRE_FALSE(r.room);
        w.refuse_all_for("3600");
        w.settle();
        CHECK(r.must_step_back());
        w.step_back(r);
        CHECK(w.queued() == 1);
        CHECK(w.report().spent == 0);
        CHECK(w.report().tools.empty());
    }
}

TEST_CASE("429: who stands ready steps back at once, and is the first after the pause")
{
    harness w(one_a_second());
    w.answer(w.send());
    w.pass(600ms);
    request& ready = w.ask("a");
    w.wants_room(ready);
    request& behind = w.ask("b");
    REQUIRE(ready.has_entered());
    REQUIRE_FALSE(behind.turn);
    w.refuse_all_for("10");
    w.settle();
    REQUIRE(ready.must_step_back());
    w.step_back(ready);
    CHECK_FALSE(ready.turn);
    w.pass(9400ms);
    CHECK_FALSE(ready.turn);
    w.pass(100ms);  // half a second before the end, to make a connection ready
    CHECK(ready.has_entered());
    CHECK_FALSE(behind.turn);
    w.wants_room(ready);
    w.pass(499ms);
    CHECK_FALSE(ready.room);
    w.pass(1ms);
    CHECK(ready.has_room());
    w.refuse_all_for("10");
}

TEST_CASE("429: the operator ends the pause, and who waits is sent")
{
    harness w;
    w.refuse_all_for("3600");
    request& r = w.ask();
    CHECK_FALSE(r.turn);
    w.g.resume();
    w.settle();
    CHECK(r.has_entered());
    w.wants_room(r);
    CHECK(r.has_room());
}

TEST_CASE("crash: after an unclean start nothing is sent for one window and half a second, and a clean one sends at "
          "once")
{
    for (bool clean : {true, false})
    {
        CAPTURE(clean);
        ledger_page kept;
        kept.clean = clean;
        harness w({}, kept);
        request& r = w.ask();
        if (!clean)
        {
            CHECK_FALSE(r.turn);
            w.pass(window);
            CHECK(r.has_entered());  // so that a connection is ready by then
        }
        w.wants_room(r);
        if (!clean)
        {
            w.pass(499ms);
            CHECK_FALSE(r.room);
            w.pass(1ms);
        }
        CHECK(r.has_room());
    }
}

TEST_CASE("room: asked for again, it is the one that was granted, and costs nothing more")
{
    harness w;
    request& r = w.ask();
    w.wants_room(r);
    w.wants_room(r);
    CHECK(r.has_room());
    CHECK(w.report().spent == 1);
}

TEST_CASE("end: what ends inside frees its place, what ends with its grant spends nothing")
{
    harness w(one_a_second());
    request& first = w.ask();
    request& second = w.ask();
    REQUIRE(first.has_entered());
    REQUIRE_FALSE(second.turn);
    first.way.reset();
    w.settle();
    REQUIRE(second.has_entered());
    w.wants_room(second);
    REQUIRE(second.has_room());
    request& third = w.ask();
    CHECK_FALSE(third.turn);
    CHECK(w.report().spent == 1);
    second.way.reset();
    w.settle();
    CHECK(w.report().spent == 0);
    REQUIRE(third.has_entered());
    w.wants_room(third);
    CHECK(third.has_room());
}

TEST_CASE("end: what ends after its sending counts for a window from its end on")
{
    harness w(one_a_second());
    request& r = w.send();
    w.pass(10s);
    request& next = w.ask();
    CHECK_FALSE(next.turn);
    r.way->lost();
    r.way.reset();
    w.pass(window - 500ms);
    REQUIRE(next.has_entered());
    w.wants_room(next);
    w.pass(499ms);
    CHECK_FALSE(next.room);
    w.pass(1ms);
    CHECK(next.has_room());
    CHECK(w.report().spent == 2);
}

TEST_CASE("answer: its token comes back a window later, less the round trip of the network")
{
    harness w(one_a_second());
    request& r = w.send();
    w.pass(200ms);
    r.way->answered(80ms);
    request& next = w.ask();
    w.pass(window - 580ms);
    REQUIRE(next.has_entered());
    w.wants_room(next);
    w.pass(499ms);
    CHECK_FALSE(next.room);
    w.pass(1ms);
    CHECK(next.has_room());
}

TEST_CASE("acknowledgement: what is acknowledged and not answered gives its token back four seconds and a window later")
{
    for (bool acknowledged : {true, false})
    {
        CAPTURE(acknowledged);
        harness w(one_a_second());
        request& r = w.send();
        w.pass(20ms);
        if (acknowledged) r.way->acknowledged();
        request& next = w.ask();
        w.pass(4s + window - 500ms);
        CHECK(next.has_entered() == acknowledged);
        if (!acknowledged)
        {
            w.pass(1h);
            CHECK_FALSE(next.turn);
            continue;
        }
        w.wants_room(next);
        w.pass(499ms);
        CHECK_FALSE(next.room);
        w.pass(1ms);
        CHECK(next.has_room());
    }
}

TEST_CASE("last piece: while the request's own token is out, its last piece need not wait for another")
{
    for (std::uint64_t burst : {1, 3})
    {
        CAPTURE(burst);
        budget_settings s;
        s.rate = double(burst);
        s.burst = burst;
        harness w(s);
        std::vector<request*> uploads;
        for (std::uint64_t n = 0; n < burst; ++n) uploads.push_back(&w.send());
        w.pass(10s);
        request& next = w.ask();
        for (request* u : uploads)
        {
            w.wants_to_finish(*u);
            CHECK(u->may_finish);
        }
        CHECK_FALSE(next.turn);
        // The vendor may have counted it with its last piece, which was on its way until now.
        w.pass(200ms);
        w.answer(*uploads.front());
        w.pass(window - 500ms);
        REQUIRE(next.has_entered());
        w.wants_room(next);
        w.pass(499ms);
        CHECK_FALSE(next.room);
        w.pass(1ms);
        CHECK(next.has_room());
        CHECK(w.report().spent == burst + 1);
    }
}

TEST_CASE("last piece: it waits for the end of a pause, with its own token and without")
{
    for (bool is_token_back : {false, true})
    {
        CAPTURE(is_token_back);
        harness w(one_a_second());
        request& upload = w.send();
        if (is_token_back)
        {
            upload.way->acknowledged();
            w.pass(4s + window);
        }
        w.refuse_all_for("60");
        w.wants_to_finish(upload);
        w.pass(60s - 1ms);
        CHECK_FALSE(upload.may_finish);
        w.pass(1ms);
        CHECK(upload.may_finish);
    }
}

TEST_CASE("last piece: one whose own token is out does not wait behind one that needs a token")
{
    harness w(one_a_second());
    request& one = w.send();
    one.way->acknowledged();
    w.pass(4s + window);
    request& two = w.send();
    w.wants_to_finish(one);
    CHECK_FALSE(one.may_finish);
    w.wants_to_finish(two);
    CHECK(two.may_finish);
    w.answer(two);
    w.pass(window);
    CHECK(one.may_finish);
}

TEST_CASE("last piece: one that goes out takes back what an acknowledgement said of its head")
{
    harness w(one_a_second());
    request& upload = w.send();
    upload.way->acknowledged();
    w.pass(4s + window - 400ms);
    request& next = w.ask();
    w.wants_room(next);
    w.pass(399ms);
    w.wants_to_finish(upload);
    CHECK(upload.may_finish);
    w.pass(1h);
    CHECK_FALSE(next.room);
    w.answer(upload);
    w.pass(window);
    CHECK(next.has_room());
}

TEST_CASE("last piece: if its token has come back, it goes before what stands ready, in the order of the asking")
{
    harness w(one_a_second());
    auto send_acknowledged = [&]() -> request& {
        request& r = w.send();
        r.way->acknowledged();
        w.pass(4s + window);
        return r;
    };
    request& one = send_acknowledged();
    request& two = send_acknowledged();
    w.answer(w.send());
    w.pass(600ms);
    request& ready = w.ask();
    w.wants_room(ready);
    w.wants_to_finish(one);
    w.wants_to_finish(two);
    w.pass(window - 601ms);
    CHECK_FALSE(one.may_finish);
    w.pass(1ms);
    CHECK(one.may_finish);
    CHECK_FALSE(two.may_finish);
    CHECK_FALSE(ready.room);
    w.answer(one);
    w.pass(window);
    CHECK(two.may_finish);
    CHECK_FALSE(ready.room);
    w.answer(two);
    w.pass(window);
    CHECK(ready.has_room());
    CHECK(w.report().spent == 4);  // a last piece is no further request
}

TEST_CASE("ledger: while the lease is written nothing is sent, and then it is")
{
    for (ledger_state how : {ledger_state::durable, ledger_state::in_memory})
    {
        CAPTURE(int(how));
        harness w;
        w.book.is_slow = true;
        request& r = w.ask();
        w.wants_room(r);
        w.pass(1s);
        CHECK_FALSE(r.room);
        w.book.release(how);
        w.settle();
        CHECK(r.has_room());
        CHECK(w.report().ledger == how);
        CHECK(w.book.pages == 1);
    }
}

TEST_CASE("ledger: once it is lost nothing more is sent: granted, ready, waiting and new ones are refused")
{
    budget_settings two;
    two.rate = two.burst = 2;
    harness w(two);
    request& granted = w.ask();
    w.wants_room(granted);
    REQUIRE(granted.has_room());
    w.pass(61s);  // what was leased is dated anew, and so written
    w.book.state = ledger_state::not_ours;
    request& ready = w.ask();
    w.wants_room(ready);
    CHECK(ready.must_step_back());
    w.wants_room(granted);  // the connection turned out to be closed, and another one was made
    CHECK(granted.must_step_back());
    w.step_back(ready);
    request& fresh = w.ask();
    for (const request* r : {&ready, &fresh})
    {
        REQUIRE(r->was_told<refusal>());
        CHECK(std::get<refusal>(*r->turn).why == reason::not_ours);
    }
    CHECK(w.report().ledger == ledger_state::not_ours);
    int pages = w.book.pages;
    w.pass(1h);
    CHECK(w.book.pages == pages);
}

TEST_CASE("ledger: a pause that comes while the lease is written holds, also once the lease is durable")
{
    harness w;
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.refuse_all_for("1");
    w.settle();
    CHECK(r.must_step_back());
    w.step_back(r);
    CHECK_FALSE(r.turn);
    w.pass(600ms);
    REQUIRE(r.has_entered());
    w.wants_room(r);
    w.book.is_slow = false;
    w.book.release();
    w.settle();
    w.pass(399ms);
    CHECK_FALSE(r.room);
    CHECK(w.report().spent == 0);
    w.pass(1ms);
    CHECK(r.has_room());
}

TEST_CASE("ledger: a day that becomes too short while the lease is written is spent, also once the lease is durable")
{
    harness w;
    request& first = w.send();
    w.answer(first);
    w.pass(1min);  // the rest of its lease is for its minute alone
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.config.daily = 1;
    w.g.reconfigure(w.config);
    w.settle();
    CHECK(r.must_step_back());
    w.step_back(r);
    w.book.release();
    w.settle();
    CHECK_FALSE(r.turn);
    CHECK(w.report().spent == 1);
}

TEST_CASE("ledger: a lease that is durable only after its minute is not used, and another is written")
{
    harness w;
    w.pass(59s);
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.pass(1s);  // the next minute
    w.book.release();
    w.settle();
    CHECK_FALSE(r.room);
    CHECK(w.book.pages == 2);
    w.book.release();
    w.settle();
    CHECK(r.has_room());
}

TEST_CASE("ledger: a disk that hangs is said within two seconds, and what is sent counts in memory from then on")
{
    harness w;
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.pass(1s);
    CHECK_FALSE(r.room);
    CHECK(w.report().ledger == ledger_state::durable);
    CHECK(w.ledger_late.empty());
    w.pass(1s);
    CHECK(r.has_room());
    CHECK(w.report().ledger == ledger_state::in_memory);
    CHECK(w.ledger_late == std::vector{true});
    r.way->sending(request_kind::lookup);
    w.answer(r);
    // More than a lease, and into other minutes: without a wait, and with no page that would lie in a queue.
    for (int n = 2; n <= 10; ++n)
    {
        w.pass(20s);
        w.answer(w.send());
        CHECK(w.report().spent == n);
    }
    CHECK(w.book.pages == 1);
    CHECK(w.ledger_late == std::vector{true});
}

TEST_CASE("ledger: a disk that hung is durable again once all is written that was counted meanwhile")
{
    harness w;
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.pass(2s);
    REQUIRE(r.has_room());
    r.way->sending(request_kind::lookup);
    w.answer(r);
    for (int n = 0; n < 5; ++n) w.pass(1min), w.answer(w.send());
    w.pass(57s);
    w.book.release();  // the hung write returns
    w.settle();
    CHECK(w.report().ledger == ledger_state::in_memory);
    CHECK(w.ledger_late == std::vector{true});
    REQUIRE(w.book.pages == 2);  // what was counted meanwhile, at once
    std::int64_t written = 0;
    for (const auto& m : w.book.content.spent) written += m.count;
    CHECK(written >= 6);
    w.pass(1s);
    w.answer(w.send());  // in the next minute, on a lease that the page does not hold
    w.book.release();
    w.settle();
    CHECK(w.report().ledger == ledger_state::in_memory);
    CHECK(w.ledger_late == std::vector{true, false});
    CHECK(w.book.pages == 3);
    w.book.release();
    w.settle();
    CHECK(w.report().ledger == ledger_state::durable);
    merge(w.book.content, w.g.last_page());
    written = 0;
    for (const auto& m : w.book.content.spent) written += m.count;
    CHECK(written == 7);
}

TEST_CASE("ledger: while the disk hangs a pause holds, and it is written as soon as the disk answers")
{
    harness w;
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.pass(2s);
    REQUIRE(r.has_room());
    w.refuse_all_for("3600");
    w.settle();
    CHECK_FALSE(w.ask().turn);
    CHECK(w.book.pages == 1);
    w.book.release();
    w.settle();
    CHECK(w.book.pages == 2);
    CHECK(w.book.content.paused_until > w.clock.wall() + 50min);
}

TEST_CASE("ledger: one whose hung write says at last that it is not ours ends all sending")
{
    harness w;
    w.book.is_slow = true;
    request& r = w.ask();
    w.wants_room(r);
    w.pass(2s);
    REQUIRE(r.has_room());
    w.book.release(ledger_state::not_ours);
    w.settle();
    CHECK(w.report().ledger == ledger_state::not_ours);
    r.room.reset();
    w.wants_room(r);
    CHECK(r.must_step_back());
    CHECK(w.book.pages == 1);
}

TEST_CASE("close: who waits for a turn is told so, and who is inside is sent once the lease is durable")
{
    harness w(one_a_second());
    w.book.is_slow = true;
    request& inside = w.ask();
    request& queued = w.ask();
    w.wants_room(inside);
    w.g.close();
    w.settle();
    CHECK(queued.was_told<gate::closed>());
    CHECK(w.queued() == 0);
    CHECK(w.ask().was_told<gate::closed>());
    CHECK_FALSE(inside.room);
    w.book.release();
    w.settle();
    CHECK(inside.has_room());
}

TEST_CASE("close: during a pause nobody waits for room any more, and nothing stays in the queue")
{
    harness w;
    w.book.is_slow = true;
    request& ready = w.ask();
    request& connecting = w.ask();
    w.wants_room(ready);
    w.g.close();
    w.refuse_all_for("3600");
    w.settle();
    CHECK(ready.must_step_back());
    w.wants_room(connecting);
    CHECK(connecting.must_step_back());
    w.step_back(ready);
    w.step_back(connecting);
    CHECK(ready.was_told<gate::closed>());
    CHECK(connecting.was_told<gate::closed>());
    CHECK(w.queued() == 0);
    CHECK(w.inside() == 0);
}

TEST_CASE("expel: who waits is told why, and who has had a turn is not")
{
    harness w(one_a_second());
    request& inside = w.ask();
    request& queued = w.ask();
    refusal why;
    why.why = reason::queue_full;
    w.g.expel(inside.number, why);
    w.g.expel(queued.number, why);
    w.settle();
    CHECK(inside.has_entered());
    REQUIRE(queued.was_told<refusal>());
    CHECK(std::get<refusal>(*queued.turn).why == reason::queue_full);
    CHECK(w.queued() == 0);
}

TEST_CASE("expel: who may spend no more goes with another tool's turn; where nobody else asks for it, it is told why")
{
    budget_settings s = one_a_second();
    s.tools["etl"].daily = 1;
    harness w(s);
    request& first = w.send("etl");
    request& shared = w.ask("etl");
    CHECK(shared.was_told<refusal>());
    CHECK(w.expelled == std::vector<std::pair<budget::item, reason>>{{shared.number, reason::tool_spent}});
    w.answer(first);
    w.config.tools["etl"].daily = 2;
    w.g.reconfigure(w.config);
    request& before_it = w.ask("other");
    request& both = w.ask("etl");
    w.g.join(both.number, {"agent", urgency::interactive});
    w.config.tools["etl"].daily = 1;
    w.g.reconfigure(w.config);
    w.pass(window - 500ms);
    REQUIRE(before_it.has_entered());
    CHECK(w.expelled.size() == 1);
    CHECK_FALSE(both.turn);
    before_it.way.reset();
    w.settle();
    CHECK(both.has_entered());
    CHECK(w.expelled.size() == 1);
    w.wants_room(both);
    w.pass(window);
    REQUIRE(both.has_room());
    CHECK(w.report().tools == std::map<std::string, std::uint64_t>{{"agent", 1}, {"etl", 1}});
}

TEST_CASE("join: nothing waits for another tool that has had its turn already")
{
    harness w;
    request& r = w.ask();
    REQUIRE(r.has_entered());
    w.g.join(r.number, {"other", urgency::interactive});
    CHECK(w.queued() == 0);
}

TEST_CASE("batch_key: what comes in the same moment as its turn or its room is taken along by the one that has it")
{
    budget_settings s;
    s.rate = s.burst = 2;
    harness w(s);
    w.answer(w.send());  // one more can be sent at once, on a lease that is durable
    const asking batch_key{"t", urgency::interactive, 7};
    request with_its_turn{1001, batch_key}, with_its_room{1002, batch_key};
    std::vector<budget::item> along;
    auto lead = [&]() -> task<void> {
        std::vector<asking> who(1, batch_key);
        gate::turn t = co_await w.g.enter(1000, std::move(who), false);
        REQUIRE(std::holds_alternative<gate::entered>(t));
        gate::permit way(w.g, 1000);
        w.start_entering(with_its_room);
        bool room = co_await way.acquire();
        REQUIRE(room);
        along = w.g.collect_batch(7, 10);
    };
    asio::co_spawn(w.loop, lead(), asio::detached);
    w.start_entering(with_its_turn);
    w.settle();
    CHECK(along == std::vector<budget::item>{1001, 1002});
    CHECK(with_its_turn.was_told<gate::collected>());
    CHECK(with_its_room.was_told<gate::collected>());
}

TEST_CASE("batch_key: taken along are those that stand ready, then those in the queue, so many, and nobody else")
{
    budget_settings s;
    s.rate = s.burst = 2;
    harness w(s);
    for (request* r : {&w.send(), &w.send()}) w.answer(*r);
    w.pass(600ms);
    request& ready = w.ask({"t", urgency::interactive, 7});
    request& lone = w.ask();
    request& first = w.ask({"t", urgency::interactive, 7});
    request& other = w.ask({"t", urgency::interactive, 8});
    request& second = w.ask({"t", urgency::interactive, 7});
    w.wants_room(ready);
    w.wants_room(lone);
    auto along = w.g.collect_batch(7, 2);
    w.settle();
    CHECK(along == std::vector<budget::item>{ready.number, first.number});
    CHECK(ready.must_step_back());
    CHECK(first.was_told<gate::collected>());
    CHECK_FALSE(lone.room);
    CHECK_FALSE(second.was_told<gate::collected>());
    CHECK(other.has_entered());  // in the place of the one that left
    CHECK(w.inside() == 2);
    ready.way.reset();
    CHECK(w.inside() == 2);
    CHECK(w.g.collect_batch(7, 0).empty());
}

TEST_CASE("reload: a higher rate lets who waits go as soon as it may")
{
    harness w(one_a_second());
    request& first = w.send();
    w.answer(first);
    request& next = w.ask();
    CHECK_FALSE(next.turn);
    w.config.rate = w.config.burst = 100;
    w.g.reconfigure(w.config);
    w.settle();
    CHECK(next.has_entered());
}

TEST_CASE("forwarded: two have a place, until their end; the others wait in the queue, and lookups pass them")
{
    budget_settings s;
    s.rate = s.burst = 10;
    harness w(s);
    auto forwarded = [](const char* tool) { return asking{tool, urgency::interactive, 0, true}; };
    request &a = w.ask(forwarded("t")), &b = w.ask(forwarded("u")), &c = w.ask(forwarded("t"));
    CHECK(b.has_entered());
    CHECK_FALSE(c.turn);
    CHECK(w.ask().has_entered());  // a lookup of the same tool
    w.wants_room(a);
    a.way->sending(request_kind::forwarded);
    w.answer(a);
    w.pass(5s);
    CHECK_FALSE(c.turn);  // its answer is still handed on
    a.way.reset();
    w.settle();
    CHECK(c.has_entered());
    request& d = w.ask(forwarded("v"));
    CHECK_FALSE(d.turn);
    w.wants_room(b);
    b.way->step_back();
    b.way.reset();
    w.settle();
    CHECK(d.has_entered());
}

TEST_CASE("forwarded: one tool leaves a place to the others, whether its own were sent or not")
{
    budget_settings s;
    s.rate = s.burst = 10;
    harness w(s);
    auto forwarded = [](const char* tool) { return asking{tool, urgency::interactive, 0, true}; };
    request &a = w.ask(forwarded("t")), &b = w.ask(forwarded("t"));
    CHECK(a.has_entered());
    CHECK_FALSE(b.turn);
    w.wants_room(a);
    a.way->sending(request_kind::forwarded);
    w.settle();
    CHECK_FALSE(b.turn);
    CHECK(w.ask(forwarded("u")).has_entered());
    a.way.reset();
    w.settle();
    CHECK(b.has_entered());
}

TEST_CASE("lost: what the other end has broken off holds its token for a window, and what we have for some seconds")
{
    for (bool by_us : {false, true})
    {
        CAPTURE(by_us);
        harness w(one_a_second());
        request& r = w.send();
        if (!by_us) r.way->lost();
        r.way.reset();
        w.settle();
        request& next = w.ask();
        w.pass(window - 500ms);
        CHECK(next.has_entered() == !by_us);
        w.pass(4s);
        CHECK(next.has_entered());
    }
}

TEST_CASE("abandon: who waits is let go, and what was under way gives nothing back any more")
{
    harness w;
    request& sent = w.send();
    w.pass(1min);
    w.book.is_slow = true;  // the next lease
    request& ready = w.ask();
    w.wants_room(ready);
    w.ask(), w.ask();
    request& queued = w.ask();
    w.g.abandon();
    sent.way.reset();
    ready.way.reset();
    w.book.release();
    w.settle();
    CHECK_FALSE(ready.room);
    CHECK_FALSE(queued.turn);
    CHECK(w.book.pages == 2);
    merge(w.book.content, w.g.last_page());
    CHECK(w.book.content.clean);
    REQUIRE(w.book.content.spent.size() == 1);
    CHECK(w.book.content.spent[0].count == 1);
}
