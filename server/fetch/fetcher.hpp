// The fetcher: the door to everything that needs the vendor. One flight for each call, however many ask.
#pragma once

#include "server/fetch/forecast.hpp"
#include "server/fetch/miss_path.hpp"
#include "server/fetch/report.hpp"

#include <string>
#include <vector>

namespace callcache
{

// It lives on one loop, and there are no locks here. A flight belongs to the fetcher and not to the client that began
// it: whoever leaves takes nobody along.
class fetcher
{
public:
    explicit fetcher(const fetcher_parts&);

    // --- Any thread. What is `done` is called on the fetch loop.
    void ask(lookup, answered done);                         // calls `done` once; null: a refresh in the background
    void ask_all(std::vector<std::pair<lookup, answered>>);  // that belong together, at one time
    void left(std::uint64_t asker);                          // the one who asked under this name has hung up
    // These need no answer any more, and none of them will ask again soon: what nobody else asks for leaves the queue.
    void withdraw(std::vector<std::uint64_t> askers);
    // A forwarded request wants to be sent; see relay_channel.hpp. `changes` is what it makes untrue.
    void relay(lookup, invalidation changes, relay_channel_ptr);
    executor loop() const { return path_->parts.loop; }
    // While it is true, stale is served without a refresh.
    bool is_stretched() const { return path_->is_stretched.load(std::memory_order_relaxed); }

    tool_names& tools() { return path_->permits.tools(); }

    void resume(std::function<void()> done);  // the operator ends a pause that the vendor asked for
    void ask_report(std::function<void(upstream_report)> done);
    void ask_forecasts(std::vector<lookup>, std::function<void(std::vector<forecast>)> done);
    void use(std::shared_ptr<asio::ssl::context>);  // the connections that are made from now on do
    void reload();                                  // what was built from the settings learns of those in force
    void drain();  // who waits in the queue is told to come back; what was sent is finished

    // Fetch loop only, or before it runs.
    upstream_report report() const;
    std::size_t waiting(const std::string& id) const { return path_->flights.waiting(id); }

    // Both after the loop has stopped. The ledger's last page returns the unused lease; abandon() destroys what still
    // waits, which may own what it waits for.
    ledger_page last_page() { return path_->permits.last_page(); }
    void abandon();

private:
    template<class What>
    void post(What);

    const miss_path_ptr path_;
};

}  // namespace callcache
