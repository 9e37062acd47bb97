// `callcache serve`: runs the proxy until it is told to stop.

#include "cache/mistakes.hpp"
#include "server/async/run_loop.hpp"
#include "server/async/system_clock.hpp"
#include "server/commands/commands.hpp"
#include "server/proxy.hpp"
#include "server/sandbox/confinement.hpp"
#include "server/start_files.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>

#include <unistd.h>

namespace callcache
{
namespace
{

constexpr auto look_every = std::chrono::seconds(2);
constexpr auto drain_look_every = std::chrono::milliseconds(20);

// What is left to write at a stop may wait for a disk that hangs: no longer than this after server.drain_timeout.
constexpr auto write_patience = std::chrono::seconds(1);

void tell(const confinement& c, const allowed_paths& within, const allowed_ports& ports,
          const std::vector<std::string>& strangers, log& out)
{
    auto list = [](const std::vector<std::string>& paths) {
        std::string text;
        for (const std::string& p : paths) text += (text.empty() ? "" : ", ") + p;
        return text.empty() ? std::string("nothing") : text;
    };
    auto list_of_ports = [&](const std::vector<std::uint16_t>& numbers) {
        std::vector<std::string> texts;
        for (std::uint16_t n : numbers) texts.push_back(n == 0 ? "any" : std::to_string(n));
        return c.version < landlock_ports ? std::string("any") : list(texts);
    };
    if (c.version == 0) return out.info("not confined to the files that it needs: skipped", {{"why", c.why_not}});
    out.info("confined", {{"landlock", std::to_string(c.version)}, {"writes", list(within.writes)}});
    out.write(log_level::debug, "confined to these",
              {{"reads", list(within.reads)},
               {"listens_on", list_of_ports(ports.bind)},
               {"connects_to", list_of_ports(ports.connect)}});
    for (const std::string& stranger : strangers)
        out.warn("the folder of the database or the ledger holds more than callcache's files, and callcache may write "
                 "all of it; give them a folder of their own (--db FILE)",
                 {{"for_example", stranger}});
    if (std::find(within.writes.begin(), within.writes.end(), "/") != within.writes.end())
        out.warn(
            "the database or the ledger lies in /, so callcache may write every file; give them a folder of their own");
}

// Where the file cannot be read the start is refused, in words of its own.
std::optional<std::uint16_t> port_of_alerts(const settings& config)
{
    if (config.alerts.webhook_file.empty()) return std::nullopt;
    auto read = read_webhook(config);
    auto* url = std::get_if<webhook_url>(&read);
    return url ? std::optional(url->receiver.at.port) : std::nullopt;
}

void say_mistake(log& out, std::string_view mistake)
{
    out.error("a mistake in callcache", {{"what", std::string(mistake)}});
}

task<void> look_after(proxy& p, const clock_source& clock, log& out)
{
    for (;;)
    {
        co_await sleep_until(clock, clock.steady() + look_every);
        survives([&] { p.look_after(clock.wall()); }, [&](std::string_view m) { say_mistake(out, m); });
    }
}

// Waits until every connection has ended, or drain_timeout is over.
task<void> drain(proxy& p, const clock_source& clock, log& out, milliseconds at_most, asio::io_context& loop)
{
    steady_time deadline = clock.steady() + at_most;
    p.drain();
    do co_await sleep_until(clock, clock.steady() + drain_look_every);
    while (!p.is_drained() && clock.steady() < deadline);
    out.info(p.is_drained() ? "stopped" : "stopped; some requests were still running (server.drain_timeout)");
    loop.stop();
}

// Looks after the proxy. It looks at files, on disks that may hang, so it has a thread of its own.
class caretaker
{
public:
    caretaker(proxy& p, const clock_source& clock, log& out)
    {
        asio::co_spawn(loop_, look_after(p, clock, out), asio::detached);
        thread_ = std::thread([this, &out] { run_loop(loop_, [&](std::string_view m) { say_mistake(out, m); }); });
    }
    void stop()
    {
        loop_.stop();
        thread_.join();
    }

private:
    asio::io_context loop_{1};
    std::thread thread_;
};

// Stops everything, by `deadline` at the latest.
void stop(caretaker& c, proxy& p, const clock_source& clock, log& out, steady_time deadline)
{
    std::promise<void> stopped;
    std::thread watch([&, done = stopped.get_future()] {
        auto patience = std::clamp<steady_time::duration>(deadline - clock.steady(), std::chrono::milliseconds(100),
                                                          std::chrono::hours(1));
        if (done.wait_for(patience) == std::future_status::ready) return;
        out.error("stopped before all was written, as a disk hangs. The ledger counts at most a second's requests too "
                  "many, unless it counted in memory; what was kept last may be lost");
        done.wait_for(std::chrono::milliseconds(100));  // the log's thread writes the line
        _exit(1);
    });
    c.stop();  // after that nobody uses the proxy
    p.stop();
    stopped.set_value();
    watch.join();
}

}  // namespace

int serve(const settings& config, const std::function<loaded_settings()>& read_again)
{
    system_clock clock;
    const allowed_paths within = allowed_paths_of(config);
    const allowed_ports ports = allowed_ports_of(config, port_of_alerts(config));
    const confinement confined = confine(within, ports);  // binds the threads begun from here on, the log's first
    auto out = make_log(config.log);
    const std::vector<std::string> strangers = strangers_in_reach(config);  // before callcache's own files are made

    // Before the start, which a signal then stops as soon as it is done: to process 1, which a container's is, the
    // kernel delivers nothing that is not handled.
    asio::io_context loop(1);
    asio::signal_set signals(loop, SIGTERM, SIGINT), hang_ups(loop, SIGHUP);

    proxy* running = nullptr;
    auto reload = [&](std::function<void(reloaded)> done) {
        asio::post(loop, [&, done = std::move(done)] { done(running->reload(read_again())); });
    };
    auto started = proxy::start(config, {clock, *out, false, reload});
    if (auto* trouble = std::get_if<std::string>(&started))
    {
        out->error(*trouble);
        return 1;
    }
    auto& p = *std::get<std::unique_ptr<proxy>>(started);
    running = &p;
    tell(confined, within, ports, strangers, *out);

    const int terminal = isatty(STDERR_FILENO) ? STDERR_FILENO : isatty(STDIN_FILENO) ? STDIN_FILENO : -1;
    int heard = 0;
    steady_time stop_by = steady_time::max();
    std::function<void(error_code, int)> on_signal = [&](error_code error, int) {
        if (error) return;
        // The second one: at once. What was kept is in the store's hands or lost, as with a kill.
        if (++heard > 1) _exit(1);
        out->info("stopping: no new connections; what is running is finished. A second signal stops at once");
        stop_by = clock.steady() + p.config().server.drain_timeout + write_patience;
        asio::co_spawn(loop, drain(p, clock, *out, p.config().server.drain_timeout, loop), asio::detached);
        signals.async_wait(on_signal);
    };
    signals.async_wait(on_signal);
    std::function<void(error_code, int)> on_hang_up = [&](error_code error, int number) {
        if (error) return;
        // Its window was closed: nobody would look after it any more.
        if (terminal >= 0 && !isatty(terminal)) return on_signal(error, number);
        p.reload(read_again());
        hang_ups.async_wait(on_hang_up);
    };
    hang_ups.async_wait(on_hang_up);
    caretaker looks_after(p, clock, *out);
    run_loop(loop, [&](std::string_view mistake) { say_mistake(*out, mistake); });

    stop(looks_after, p, clock, *out, stop_by);
    out.reset();  // nothing logs any more; what is queued is written
    // And no further: a name lookup that hangs would hold the process for longer than a container's stop may take.
    std::_Exit(0);
}

}  // namespace callcache
