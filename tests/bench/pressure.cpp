// How long one turn of the event loop takes at most under pressure: 2,000 lookups wait, the ledger is full of a day's
// minutes, and a 429 sends back what was on its way. During a turn the loop does nothing else, so each hit waits for
// it. Wanted are 5 ms at most. Asserts nothing.
//
// The whole proxy runs on one loop, polled turn by turn in front of the simulated vendor. The clock is simulated, so
// that a minute takes as long as the work in it; what a turn takes is the machine's time.

#include "cache/ledger.hpp"
#include "config/load.hpp"
#include "server/proxy.hpp"
#include "tests/bench/turns.hpp"
#include "tests/sim/vendor.hpp"
#include "tests/support/loopback_socket.hpp"
#include "tests/support/other_threads.hpp"
#include "tests/support/sim_clock.hpp"
#include "tests/support/temp_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

using namespace callcache;
using namespace callcache::test;
using namespace std::chrono_literals;

namespace
{

constexpr std::size_t lookups = 2000, tools = 20;
constexpr double wanted_ms = 5;
constexpr auto tick = 20ms;  // of the simulated clock

const std::string credential = sim::basic("key", "secret");

// Keeps the last line since it was asked for one. Any thread.
class last_line final : public callcache::log
{
public:
    bool wants(log_level level) const override { return level != log_level::debug; }
    void use(log_level) override {}
    void write(log_level, std::string_view text, const std::vector<log_field>& fields) override
    {
        std::lock_guard lock(mutex_);
        text_ = text;
        for (const auto& [name, value] : fields) text_ += " " + std::string(name) + "=" + value;
    }
    std::string take()
    {
        std::lock_guard lock(mutex_);
        return std::exchange(text_, {});
    }

private:
    std::mutex mutex_;
    std::string text_;
};

// 6,000 requests of twenty tools, in each of the day's 1,440 minutes some.
void fill_ledger(const std::string& path, const clock_source& clock)
{
    const moment now = clock.now();
    const std::int64_t minute = now.wall.time_since_epoch() / 1min, step = minute / 10;
    ledger_page p;
    p.time = p.wall = now.wall;
    p.steady = now.steady;
    p.boot = clock.boot();
    p.clean = true;
    p.oldest = minute - 26 * 60;
    for (std::int64_t m = minute - 1439; m <= minute; ++m) p.spent.push_back({m, m % 6 == 0 ? 5 : 4});
    for (std::int64_t s = step - 143; s <= step; ++s)
        for (std::size_t n = 0; n < tools; ++n) p.shares.push_back({s, "tool" + std::to_string(n), 2});
    auto say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    auto opened = open_sqlite_ledger({path, say, say, 10'000, now.wall});
    if (auto* refused = std::get_if<ledger_refused>(&opened)) return say(refused->text);
    std::get<std::unique_ptr<ledger>>(opened)->write(std::move(p), [](ledger_state) {});
}

// A tool's connection, which asks for the next call as soon as it has one.
struct connection
{
    loopback_socket socket;
    std::string tool, in;
};

class pressure
{
public:
    explicit pressure(bulk_mode);

    // The script: each scene prints its line.
    void run(const char* title);
    const std::vector<bench::turn>& longest() const { return turns_.longest(); }

private:
    void scene(const char* name, const std::function<void()>& what);
    void come_in();
    void hear_429(const std::string& retry_after);
    void reload();
    void leave();

    void ask(connection&);
    std::size_t read_answers();
    bool read_answer(connection&);
    void settle();
    void go_on(duration);

    temp_folder folder_;
    sim_clock clock_;
    last_line log_;
    asio::io_context vendors_loop_{1};
    asio::executor_work_guard<executor> work_ = asio::make_work_guard(vendors_loop_);
    std::unique_ptr<sim::vendor> vendor_;
    settings config_;
    std::unique_ptr<proxy> cache_;
    std::vector<connection> connections_;
    std::uint64_t next_call_ = 0;
    std::size_t answered_ = 0, refused_ = 0;  // in the scene
    std::string note_;                        // on it
    bench::turns turns_;
};

pressure::pressure(bulk_mode mode) : turns_([this] { return log_.take(); })
{
    sim::vendor_options o;
    o.keys[credential] = {};
    o.limits = {0, 0};
    o.catalogue.not_found_every = o.catalogue.missing_every = 0;
    vendor_ = std::make_unique<sim::vendor>(vendors_loop_.get_executor(), o, clock_);
    config_.server.listen = {"127.0.0.1:0"};
    config_.server.admin = {"127.0.0.1:0"};
    config_.upstream.url = "http://127.0.0.1:" + std::to_string(vendor_->port());
    config_.cache.path = folder_.file("cache.db");
    config_.budget.path = folder_.file("budget.db");
    config_.bulk.mode = mode;
    if (mode == bulk_mode::off)
    {
        config_.budget.wait_max = 20min;  // 2,000 take 11 minutes
        config_.server.answer_max = config_.budget.wait_max + 8s;
    }
    fill_ledger(config_.budget.path, clock_);
    auto started = proxy::start(config_, {clock_, log_, true});
    if (auto* trouble = std::get_if<std::string>(&started))
    {
        std::fprintf(stderr, "%s\n", trouble->c_str());
        std::exit(1);
    }
    cache_ = std::move(std::get<std::unique_ptr<proxy>>(started));
    clock_.advance(1600ms);  // what was sent before the start is a window ago
}

void pressure::run(const char* title)
{
    std::printf("\n%-36s %8s %10s %10s %10s %10s %8s %7s %7s\n", title, "turns", "median ms", "p99.9 ms", "longest ms",
                "on core", "waiting", "200", "429");
    // The credential is trusted, and bulk reads work.
    turns_.begin("");
    come_in();
    go_on(10s);
    leave();
    go_on(30s);

    scene("2,000 lookups come in", [&] { come_in(); });
    scene("they wait, for a minute", [&] { go_on(1min); });
    scene("a 429", [&] { hear_429("5"); });
    scene("the pause ends", [&] { go_on(6s); });
    scene("a reload: rate 2, daily 9,000", [&] { reload(); });
    scene("2,000 leave at once", [&] { leave(); });
    scene("nobody waits for them, for 16 s", [&] { go_on(16s); });
    scene("2,000 lookups come in again", [&] { come_in(); });
    scene("a 429 that none of them can wait for", [&] { hear_429("3600"); });
}

void pressure::scene(const char* name, const std::function<void()>& what)
{
    settle();
    turns_.begin(name);
    answered_ = refused_ = 0;
    note_.clear();
    what();
    settle();
    const double longest = turns_.ms_at(1);
    auto spending = cache_->misses().report().spending;
    std::printf("%-36s %8zu %10.4f %10.3f %10.3f %10.3f %8zu %7zu %7zu%s%s\n", name, turns_.count(), turns_.ms_at(0.5),
                turns_.ms_at(0.999), longest, turns_.longest_core_ms(), spending.interactive + spending.background,
                answered_, refused_, longest > wanted_ms ? "  above 5 ms" : "", note_.c_str());
    std::fflush(stdout);
}

void pressure::come_in()
{
    connections_.clear();
    const std::uint16_t port = cache_->tool_endpoints().front().port();
    for (std::size_t n = 0; n < lookups; ++n)
    {
        connections_.push_back({loopback_socket::connected(port), "/@tool" + std::to_string(n % tools), {}});
        ask(connections_.back());
    }
    settle();
}

// The vendor says 429 to the next request, and to what is sent with it.
void pressure::hear_429(const std::string& retry_after)
{
    const std::size_t before = vendor_->requests();
    vendor_->script("", sim::scripted{"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: " +
                                      retry_after + "\r\n\r\n"});
    for (int ticks = 0; vendor_->requests() == before && ticks < 100; ++ticks) go_on(tick);
    vendor_->script("", std::nullopt);
    for (std::size_t n = before; n < vendor_->requests(); ++n)
    {
        const std::string& body = vendor_->bodies()[n];
        const auto calls = std::count(body.begin(), body.end(), ',') + 1;
        note_ += (note_.empty() ? "  to requests for " : ", ") + std::to_string(calls);
    }
    go_on(1s);  // what was promised is looked at again
}

void pressure::reload()
{
    config_.budget.rate = 2;
    config_.budget.burst = 2;
    config_.budget.daily = 9000;
    for (const config_problem& p : cache_->reload({config_, contradictions(config_)}).problems)
        std::fprintf(stderr, "%s\n", p.c_str());
    go_on(2s);
}

void pressure::leave()
{
    connections_.clear();
    settle();
}

void pressure::ask(connection& c)
{
    const std::string request = "GET " + c.tool + "/v2/calls/" + vendor_->catalogue().id(next_call_++) +
                                " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credential + "\r\n\r\n";
    if (send(c.socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size()))
        std::fprintf(stderr, "a lookup could not be sent\n");
}

// How many have come.
std::size_t pressure::read_answers()
{
    std::vector<pollfd> polled;
    for (const connection& c : connections_) polled.push_back({c.socket.fd, POLLIN, 0});
    std::size_t count = 0;
    if (poll(polled.data(), polled.size(), 0) <= 0) return 0;
    for (std::size_t n = 0; n < polled.size(); ++n)
        if (polled[n].revents && read_answer(connections_[n])) ++count;
    return count;
}

bool pressure::read_answer(connection& c)
{
    char room[16 << 10];
    ssize_t n = recv(c.socket.fd, room, sizeof room, MSG_DONTWAIT);
    if (n <= 0) return false;
    c.in.append(room, std::size_t(n));
    std::size_t end = c.in.find("\r\n\r\n"), length = c.in.find("\r\nContent-Length: ");
    if (end == std::string::npos || length > end || c.in.size() < end + 4 + std::stoul(c.in.substr(length + 18)))
        return false;
    bool good = c.in.starts_with("HTTP/1.1 200");
    ++(good ? answered_ : refused_);
    c.in.clear();
    if (good) ask(c);
    return true;
}

// Lets happen whatever can without time.
void pressure::settle()
{
    using std::chrono::steady_clock;
    auto quiet_since = steady_clock::now();
    for (int asleep = 0; asleep < 2 || steady_clock::now() - quiet_since < 200us;)
    {
        std::size_t done = vendors_loop_.poll() + read_answers();
        for (int n = 0; n < 1000 && turns_.take(cache_->loop()); ++n) ++done;
        if (done > 0) quiet_since = steady_clock::now();
        asleep = done == 0 && others_sleep() ? asleep + 1 : 0;
    }
}

void pressure::go_on(duration d)
{
    for (duration passed{0}; passed < d; passed += tick)
    {
        clock_.advance(tick);
        settle();
    }
}

}  // namespace

int main()
{
    rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    if (descriptors.rlim_cur < 2 * lookups + 200)
        return std::fprintf(stderr, "a hard limit of %zu descriptors is needed (ulimit -n)\n", 2 * lookups + 200), 1;

    std::printf(
        "%zu lookups by %zu tools, 6,000 of 10,000 requests spent in 1,440 minutes; wanted: no turn above %.0f ms\n",
        lookups, tools, wanted_ms);
    std::vector<bench::turn> longest;
    for (auto [mode, title] : {std::pair{bulk_mode::automatic, "in bulk"}, {bulk_mode::off, "one by one"}})
    {
        pressure p(mode);
        p.run(title);
        for (bench::turn t : p.longest())
        {
            t.scene = std::string(title) + ": " + t.scene;
            longest.push_back(std::move(t));
        }
    }
    std::sort(longest.begin(), longest.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
    std::printf("\nThe longest turns: ms, of them on the core, and what they logged last\n");
    longest.resize(std::min<std::size_t>(longest.size(), 10));
    for (const bench::turn& t : longest)
        std::printf("%9.3f %9.3f  %s, turn %zu  %s\n", t.ms, t.core_ms, t.scene.c_str(), t.number, t.about.c_str());
}
