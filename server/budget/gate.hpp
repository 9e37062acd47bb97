// Waiting for one's turn to send: the budget's decisions, with coroutines that wait for them, an alarm, and the ledger.
//
// The order for each request: its turn in the queue (enter) → a connection made ready by the caller → the lease durable
// and room in the window (acquire) → the write.
#pragma once

#include "cache/ledger.hpp"
#include "server/async/clock.hpp"
#include "server/async/net.hpp"
#include "server/budget/budget.hpp"

#include <functional>
#include <map>
#include <memory>
#include <variant>

namespace callcache
{

// Fetch loop only.
class gate
{
public:
    struct parts
    {
        executor loop;
        const budget_settings& config;
        std::size_t batch_max;  // at most so many items share one request
        const clock_source& clock;
        ledger& book;
        calendar day;  // empty: any 24 hours

        // Forwarded requests that are inside or have been sent, all together, at most.
        std::size_t forwarded_max;

        // One who asks for an item is told no. If nobody else asks for it, enter() says why, right after.
        std::function<void(budget::item, const asking&, refusal)> expelled;

        // The ledger's disk does not answer, so what is sent counts in memory; or it answers again.
        std::function<void(bool is_late)> ledger_late = [](bool) {};
    };
    explicit gate(parts);

    struct closed
    {
    };
    struct entered
    {
    };
    struct collected
    {
    };
    using turn = std::variant<entered, refusal, closed, collected>;

    // Waits for the item's turn, in the flows of all who ask, each until its deadline; behind the others, or where it
    // was if it `came_back`. After `entered` the caller makes a permit. Those with a batch key let others run first,
    // who may then collect them.
    task<turn> enter(budget::item, std::vector<asking>, bool came_back);

    void join(budget::item, const asking&);  // somebody else asks for it too, while it waits

    // Those of this batch key, at most so many, whose request another takes along: who would have had their turn
    // soonest. enter() says so to those in the queue; acquire() says false to those inside, who then have left it.
    std::vector<budget::item> collect_batch(std::uint64_t batch_key, std::size_t count);

    // Those of this batch key go alone from now on.
    void stop_batching(std::uint64_t batch_key);

    // It is not wanted any more, if it still waits: enter() says `why`.
    void expel(budget::item, refusal why);

    // The way of one request from its turn to its answer. Whatever happens, its end gives back what is to be given
    // back.
    class permit
    {
    public:
        permit(gate&, budget::item);
        ~permit();
        permit(const permit&) = delete;
        permit& operator=(const permit&) = delete;

        // Waits until it may be sent. False if nothing can be sent for a while, also after a grant (a 429, a lost
        // ledger): then the caller steps back. Also false if another request has collected it.
        task<bool> acquire();

        // Nothing is sent for now: the caller enters again, at once.
        void step_back();

        // The request is being written; its answer begins; TCP has acknowledged all of it; the other end has ended the
        // connection. Without an answer or an end of that kind, what was sent counts as broken off by us.
        void sending(request_kind);
        void answered(steady_time::duration round_trip);
        void acknowledged();
        void lost();

        // The last piece of a long body is next: whoever stands on the way may have held the rest back, and the vendor
        // counts the request when this comes. If its token has come back since, waits for room in the window once more.
        // REQUIRES: sending() was called.
        task<void> reacquire();

    private:
        bool is_withdrawn() const;
        enum class stage
        {
            inside,
            granted,
            sent,
            over,
        };
        gate& gate_;
        const budget::item item_;
        void end_grant();
        bool is_forwarded_ = false;  // it has a grant as such
        stage stage_ = stage::inside;
        budget::grant grant_;
    };

    // What the vendor said to a request.
    void refused(const std::string* retry_after);
    void accepted() { budget_.accepted(); }
    void resume();
    void reconfigure(const budget_settings&);  // from now on

    // The decisions, to be asked.
    const budget& spending() const { return budget_; }
    tool_names& tools() { return budget_.tools(); }  // any thread

    void close();  // everyone who waits is told so

    // The loop has stopped: who waits is destroyed, and never told anything. A coroutine that waits here may hold
    // whoever holds this, and then nothing else ends it.
    void abandon();

    ledger_page last_page() { return budget_.close(parts_.clock.now()); }  // for the ledger: the loop has stopped

private:
    friend class permit;
    struct waiting_for_room
    {
        budget::item what;
        std::function<void(std::optional<budget::grant>)> done;
    };

    // Lets happen whatever can, and sets the alarm for what cannot yet.
    void look();
    void look_once(moment now);
    std::optional<duration> finish_some(moment now);
    bool expel_some(moment now);
    void answer(budget::item, turn);
    void write_page(moment now);

    const parts parts_;
    budget budget_;
    alarm next_look_;
    std::map<budget::item, std::function<void(turn)>> queued_;
    std::list<waiting_for_room> ready_;  // their connections stand
    struct finishing
    {
        sliding_window::token token;  // that the request was sent with
        std::function<void(sliding_window::token)> done;
    };
    std::list<finishing> finishing_;                             // counted already, in need of room alone
    std::map<std::string, std::size_t, std::less<>> forwarded_;  // that have a grant, and have not ended
    bool looking_ = false, look_again_ = false;
    bool closed_ = false, abandoned_ = false;
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace callcache
