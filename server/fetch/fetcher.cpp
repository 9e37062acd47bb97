#include "server/fetch/fetcher.hpp"

#include "server/fetch/learn.hpp"
#include "server/fetch/questions.hpp"
#include "server/fetch/relay_admission.hpp"
#include "server/fetch/send.hpp"

#include <utility>

namespace callcache
{
namespace
{

// The tool hung up. A lookup keeps its place for a while, as somebody may ask for the same again; nobody can have a
// forwarded request's answer in its stead.
void leave(miss_path& path, std::uint64_t asker)
{
    auto* seat = path.flights.seat_of(asker);
    if (!seat) return;
    seat->at->left = true;
    flight& f = *seat->in;
    if (dynamic_cast<relay_flight*>(&f))
        path.permits.expel(f.number, nobody_waits());
    else
        keep_or_linger(path, f);
}

void withdraw_one(miss_path& path, std::uint64_t asker)
{
    auto* seat = path.flights.seat_of(asker);
    if (!seat) return;
    seat->at->left = true;
    flight& f = *seat->in;
    // One that has had its turn goes on, also if it has yet to hear of that.
    if (f.is_wanted() || !path.spending().queue().contains(f.number)) return;
    path.flights.shut(f);
    path.permits.expel(f.number, nobody_waits());
}

upstream_report report_of(const miss_path& path)
{
    const moment now = path.now();
    upstream_report r;
    r.spending = path.spending().report(now);
    r.vendor_remaining = path.vendor_remaining;
    r.is_up = !path.outage.is_down();
    r.flights = path.flights.size();
    r.bulk = path.bulk.report();
    r.totals = path.counts.total();
    r.duplicates = path.counts.duplicates(now.wall);
    r.connections = path.pool.size();
    return r;
}

}  // namespace

template<class What>
void fetcher::post(What what)
{
    asio::post(path_->parts.loop, [path = path_, what = std::move(what)]() mutable { what(*path); });
}

fetcher::fetcher(const fetcher_parts& p) : path_(std::make_shared<miss_path>(p))
{
    post([](miss_path& path) { begin_with_the_ledger(path); });
}

void fetcher::ask(lookup l, answered done)
{
    if (!done && l.asked_at < path_->no_refresh_before.load(std::memory_order_relaxed)) return;
    post([l = std::move(l), done = std::move(done)](miss_path& path) mutable {
        callcache::ask(path, std::move(l), std::move(done));
    });
}

void fetcher::ask_all(std::vector<std::pair<lookup, answered>> all)
{
    post([all = std::move(all)](miss_path& path) mutable {
        for (auto& [l, done] : all) callcache::ask(path, std::move(l), std::move(done));
    });
}

void fetcher::withdraw(std::vector<std::uint64_t> askers)
{
    post([askers = std::move(askers)](miss_path& path) {
        for (std::uint64_t asker : askers) withdraw_one(path, asker);
    });
}

void fetcher::left(std::uint64_t asker)
{
    post([asker](miss_path& path) { leave(path, asker); });
}

void fetcher::relay(lookup l, invalidation changes, relay_channel_ptr with)
{
    post([l = std::move(l), changes = std::move(changes), letter = unread_relay(std::move(with))](
             miss_path& path) mutable { admit_relay(path, std::move(l), std::move(changes), letter.take()); });
}

void fetcher::use(std::shared_ptr<asio::ssl::context> tls)
{
    post([tls = std::move(tls)](miss_path& path) { path.pool.use(tls); });
}

void fetcher::reload()
{
    post([](miss_path& path) {
        path.permits.reconfigure(path.config().budget);
        path.pool.reconfigure(path.config().upstream);
        path.bulk.reconfigure(path.config().bulk);
        path.newcomers.reconfigure(path.config().budget, path.now().steady);
        stretch(path);
    });
}

void fetcher::resume(std::function<void()> done)
{
    post([done = std::move(done)](miss_path& path) {
        callcache::resume(path);
        done();
    });
}

upstream_report fetcher::report() const
{
    return report_of(*path_);
}

void fetcher::ask_report(std::function<void(upstream_report)> done)
{
    post([done = std::move(done)](miss_path& path) { done(report_of(path)); });
}

void fetcher::ask_forecasts(std::vector<lookup> asked, std::function<void(std::vector<forecast>)> done)
{
    post([asked = std::move(asked), done = std::move(done)](miss_path& path) {
        std::vector<forecast> ahead;
        for (const lookup& l : asked) ahead.push_back(forecast_of(path, l));
        done(std::move(ahead));
    });
}

void fetcher::drain()
{
    post([](miss_path& path) {
        path.draining = true;
        path.permits.close();
        path.pool.close();
    });
}

void fetcher::abandon()
{
    auto relays = std::exchange(path_->relays, {});
    for (const flight_ptr& f : path_->flights.all())
        if (auto* ride = std::get_if<riding>(&f->state)) ride->hears.abandon();
    path_->permits.abandon();
    path_->pool.abandon();
    for (const relay_channel_ptr& c : relays) c->abandon();
}

}  // namespace callcache
