#include "server/admin/observer.hpp"

#include "server/version.hpp"

namespace callcache
{

observer::observer(parts p) : parts_(std::move(p)), started_(parts_.clock.wall()) {}

void observer::look()
{
    std::lock_guard lock(mutex_);
    day_.note(by_outcome(parts_.requests.total()), parts_.clock.wall());
}

task<overview> observer::now()
{
    auto ask = [this](auto done) { parts_.misses.ask_report(std::move(done)); };
    overview o;
    o.upstream = co_await call_back<upstream_report>(ask);
    const settings& s = *parts_.config;
    o.version = version;
    o.mode = s.mode == run_mode::offline ? "offline" : "online";
    o.started = started_;
    o.now = parts_.clock.wall();
    o.upstream_url = parts_.upstream.text();
    o.rate = s.budget.rate;
    o.burst = s.budget.burst;
    o.day = s.budget.day;
    o.may_share =
        s.credentials.mode == credentials_mode::forward && s.credentials.share == credentials_share::per_credential;
    {
        std::lock_guard lock(mutex_);
        o.requests = parts_.requests.total();
        day_.note(by_outcome(o.requests), o.now);
        o.last_hour = day_.minutes(60, o.now);
        o.of_the_day = day_.sum(std::int64_t(24) * 60, o.now);
    }
    o.refused = parts_.refused.current(parts_.clock.steady());
    o.connections = parts_.connections();
    if (parts_.tls) o.certificate_end = end_of(parts_.tls->current());
    if (parts_.alerts) o.alerts = parts_.alerts->counts();
    o.memory_entries = parts_.kept.memory().entries();
    o.memory_bytes = parts_.kept.memory().bytes();
    o.memory_max = s.cache.memory_max;
    o.memory_evicted = parts_.kept.memory().evicted();
    o.disk = parts_.kept.disk().current();
    if (s.cache.path != ":memory:") o.disk_max = s.cache.disk_max;
    o.process = process_.now();
    log_watch::report logged = parts_.out.current();
    o.warnings = logged.warnings;
    o.errors = logged.errors;
    o.log_lines_dropped = logged.lines_dropped;
    o.latest_errors = std::move(logged.recent);
    co_return o;
}

}  // namespace callcache
