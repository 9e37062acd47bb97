// `callcache warm`: reads the calls of a range of time through a running callcache, which keeps what passes by. What
// comes next is for warming.hpp to say; here it is asked, waited, written down and shown.

#include "cache/call_answer.hpp"
#include "cache/digest.hpp"
#include "server/async/clock.hpp"
#include "server/async/system_clock.hpp"
#include "server/commands/admin_client.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/warm_progress.hpp"
#include "server/secrets/whole_file.hpp"
#include "server/text/human.hpp"
#include "server/upstream/exchange.hpp"
#include "server/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace callcache
{
namespace
{

using what = warm_step::what;
using failure_kind = upstream_failure::kind;
using namespace std::chrono_literals;

constexpr auto between_lines = 5s;  // where no terminal is
constexpr auto connect_patience = 5s;

// Where it has come to, for the next run.
class cursor_file
{
public:
    explicit cursor_file(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    bool exists() const { return access(path_.c_str(), F_OK) == 0; }
    std::optional<warm_state> read() const
    {
        auto text = read_whole_file(path_);
        return text ? read_warm_state(*text) : std::nullopt;
    }

    // The old one or the new one is there, whatever happens. False, and errno, if it cannot be written.
    bool write(const warm_state& s) const
    {
        const std::string text = text_of(s);
        std::string fresh = path_ + ".new-XXXXXX";  // a name that nobody has
        int fd = mkostemp(fresh.data(), O_CLOEXEC);
        if (fd < 0) return false;
        bool written = ::write(fd, text.data(), text.size()) == ssize_t(text.size()) && fsync(fd) == 0;
        close(fd);
        if (written && rename(fresh.c_str(), path_.c_str()) == 0) return true;
        const int error = errno;
        unlink(fresh.c_str());
        errno = error;
        return false;
    }

    void remove() const { unlink(path_.c_str()); }

private:
    std::string path_;
};

// A bar on a terminal; a line now and then elsewhere.
class display
{
public:
    explicit display(const warm_state& began, const clock_source& c) : began_(began), clock_(c), begun_at_(c.steady())
    {}

    void show(const warm_state& s)
    {
        auto running = std::chrono::duration_cast<duration>(clock_.steady() - begun_at_);
        if (is_terminal_)
            std::fprintf(stderr, "\r\033[K%s", progress_bar(began_, s, running).c_str());
        else if (clock_.steady() >= next_line_)
        {
            std::fprintf(stderr, "%s\n", progress_text(began_, s, running).c_str());
            next_line_ = clock_.steady() + between_lines;
        }
        std::fflush(stderr);
    }

    void say(const std::string& line)
    {
        std::fprintf(stderr, "%s%s\n", is_terminal_ ? "\r\033[K" : "", line.c_str());
        std::fflush(stderr);
    }

private:
    const warm_state began_;
    const clock_source& clock_;
    const steady_time begun_at_;
    const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
    steady_time next_line_{};
};

// One connection to the running callcache, made anew when it has ended.
class own_proxy
{
public:
    own_proxy(executor ex, const clock_source& c, const settings& config, std::string authorization) :
        executor_(ex),
        clock_(c),
        at_(within_reach(*parse_host_port(config.server.listen.front()))),
        certificate_file_(config.server.tls_certificate_file),
        authorization_(std::move(authorization)),
        // Its turn, and as long as callcache waits for progress; the rest is for the way.
        patience_(config.budget.wait_max + config.upstream.pass_timeout + milliseconds(connect_patience))
    {}

    task<upstream_result> get(const std::string& target)
    {
        if (!line_ || !line_->is_quiet())
        {
            auto way = the_way();
            if (auto* f = std::get_if<upstream_failure>(&way)) co_return std::move(*f);
            connected made = co_await connect(std::get<destination>(way), clock_, clock_.steady() + connect_patience);
            if (auto* f = std::get_if<upstream_failure>(&made))
                co_return upstream_failure{f->what, "nothing of callcache answers at " + at_.text() + ": " + f->text +
                                                        ". Start it with `callcache serve`; if it runs at another "
                                                        "address, name that with --listen HOST:PORT"};
            line_ = std::move(std::get<std::unique_ptr<transport>>(made));
        }
        std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost:" + std::to_string(at_.port) + "\r\n";
        if (!authorization_.empty()) request += "Authorization: " + authorization_ + "\r\n";
        request += std::string("Accept: application/json\r\nAccept-Encoding: identity\r\nPriority: u=7\r\n") +
                   "User-Agent: callcache/" + version + "\r\n\r\n";
        alarm limit(executor_, clock_);
        limit.set(clock_.steady() + patience_, [this] { line_->close(); });
        exchanged e = co_await exchange(*line_, request, bulk_answer_bytes_max, [] {});
        limit.cancel();
        if (!e.reusable) line_.reset();
        if (auto* f = std::get_if<upstream_failure>(&e.result)) f->text = "no answer of callcache: " + f->text;
        co_return std::move(e.result);
    }

private:
    // With TLS the running one shows the certificate of this file, which may have been renewed.
    std::variant<destination, upstream_failure> the_way() const
    {
        destination to{{!certificate_file_.empty(), at_}, std::nullopt, nullptr};
        if (!to.vendor.tls) return to;
        try
        {
            to.tls = make_pinned_tls_context(certificate_file_);
        }
        catch (const std::runtime_error& e)
        {
            return upstream_failure{failure_kind::bad_peer, std::string("server.tls_certificate_file: ") + e.what()};
        }
        return to;
    }

    const executor executor_;
    const clock_source& clock_;
    const host_port at_;
    const std::string certificate_file_;
    const std::string authorization_;
    const milliseconds patience_;
    std::unique_ptr<transport> line_;
};

struct run_parts
{
    const clock_source& clock;
    const cursor_file& file;
    warming& how;
    own_proxy& proxy;
    display& shown;
};

// True if everything was read.
task<bool> read_all(run_parts p)
{
    for (;;)
    {
        if (!p.file.write(p.how.state()))
        {
            p.shown.say("callcache: cannot write \"" + p.file.path() + "\": " + std::strerror(errno));
            co_return false;
        }
        p.shown.show(p.how.state());
        const std::string target = p.how.target();
        upstream_result answer = co_await p.proxy.get(target);
        warm_step step = p.how.take(answer, p.clock.wall());
        if (step.next == what::done) co_return true;
        if (step.next == what::stop)
        {
            p.shown.say("callcache: " + step.why);
            co_return false;
        }
        if (step.next != what::again) continue;
        p.shown.say("callcache: " + step.why + "; again in " + span_text(step.wait.count()));
        co_await sleep_until(p.clock, p.clock.steady() + step.wait);
    }
}

std::string default_name(const warm_wishes& w)
{
    return "callcache-warm-" + w.from + "-" + w.to + (w.workspace.empty() ? "" : "-" + w.workspace) + ".cursor";
}

}  // namespace

int warm(const settings& config, const warm_wishes& w)
{
    bool is_asked_for =
        config.credentials.mode == credentials_mode::forward || !config.credentials.clients_file.empty();
    if (is_asked_for && w.authorization.empty())
        return refuse(config.credentials.mode == credentials_mode::forward
                          ? "warm needs a credential of Gong: GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET"
                          : "warm needs the name and the token of a client (credentials.clients_file): "
                            "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET");
    system_clock clock;
    std::signal(SIGPIPE, SIG_IGN);

    const cursor_file file(w.cursor_file.empty() ? default_name(w) : w.cursor_file);
    warm_state state = warm_beginning(*parse_warm_date(w.from), *parse_warm_date(w.to), w.workspace,
                                      hex(sha256(config.upstream.url + "\n" + w.access_key), 8));
    if (file.exists())
    {
        auto kept = file.read();
        if (!kept || kept->whose != state.whose || kept->workspace != state.workspace || kept->from != state.from ||
            kept->to != state.to)
            return refuse("\"" + file.path() +
                          "\" is no cursor file of this range, upstream, workspace and access key; "
                          "remove it, or name another with --cursor-file");
        state = *kept;
    }
    display shown(state, clock);
    warming how(state);
    bool good = false, is_stopped = false;
    asio::io_context loop(1);
    own_proxy proxy(loop.get_executor(), clock, config, w.authorization);
    asio::signal_set signals(loop, SIGINT, SIGTERM);
    signals.async_wait([&](error_code error, int) {
        is_stopped = !error;
        loop.stop();
    });
    asio::co_spawn(loop, read_all({clock, file, how, proxy, shown}), [&](const std::exception_ptr& mistake, bool well) {
        if (mistake) std::rethrow_exception(mistake);
        good = well;
        loop.stop();
    });
    loop.run();
    shown.show(how.state());
    if (good)
    {
        file.remove();
        shown.say("All of it was read: " + grouped(how.state().calls) + " calls with " +
                  grouped(how.state().api_calls) + " API calls.");
    }
    else
        shown.say(std::string(is_stopped ? "Stopped" : "Not all of it was read") + "; the same command goes on (" +
                  file.path() + ").");
    // And no further: a name lookup that hangs would hold the process.
    std::_Exit(good ? 0 : 1);
}

}  // namespace callcache
