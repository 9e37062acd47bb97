#include "tests/support/harness.hpp"

#include "tests/support/other_threads.hpp"

#include "server/http/body_decoder.hpp"

#include "cache/call_answer.hpp"
#include "config/load.hpp"
#include "server/http/head_guard.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>
#include <charconv>
#include <thread>

namespace callcache::test
{
namespace
{

constexpr auto patience = 20s;  // of the machine's time, for anything that must happen

}  // namespace

std::optional<answer> parse_answer(const std::string& bytes, bool head, bool closed)
{
    std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    answer a;
    a.status = unsigned(std::stoul(bytes.substr(9, 3)));
    std::optional<std::size_t> length;
    for (std::size_t at = bytes.find("\r\n") + 2; at < end + 2;)
    {
        std::size_t line_end = bytes.find("\r\n", at);
        std::string line = bytes.substr(at, line_end - at);
        at = line_end + 2;
        std::size_t colon = line.find(": ");
        a.fields.emplace_back(line.substr(0, colon), colon == line.npos ? "" : line.substr(colon + 2));
        if (equals_lower(a.fields.back().first, "content-length")) length = std::stoul(a.fields.back().second);
    }
    bool none = head || a.status == 304 || a.status == 204 || a.status == 100;
    if (!none && equals_lower(a.header("transfer-encoding"), "chunked"))
    {
        body_decoder chunks({framing::kind::chunked, 0});
        std::size_t at = end + 4;
        for (auto p = chunks.take(std::string_view(bytes).substr(at)); p.taken > 0;
             p = chunks.take(std::string_view(bytes).substr(at)))
        {
            a.body += p.data;
            at += p.taken;
        }
        if (!chunks.is_done()) return std::nullopt;
        for (const field& f : chunks.trailers()) a.fields.push_back(f);
        a.raw = bytes.substr(0, at);
        return a;
    }
    std::size_t size = none ? 0 : length.value_or(0);
    if (!none && !length && !closed) return std::nullopt;
    if (!none && !length) size = bytes.size() - end - 4;
    if (bytes.size() < end + 4 + size) return std::nullopt;
    a.body = bytes.substr(end + 4, size);
    a.raw = bytes.substr(0, end + 4 + size);
    return a;
}

void recorded_log::write(log_level, std::string_view text, const std::vector<log_field>& fields)
{
    std::lock_guard lock(mutex_);
    text_ += text;
    for (const auto& [name, value] : fields) text_ += " " + std::string(name) + "=" + value;
    text_ += "\n";
}

std::string recorded_log::text() const
{
    std::lock_guard lock(mutex_);
    return text_;
}

std::string answer::header(std::string_view lower_name) const
{
    for (const field& f : fields)
        if (equals_lower(f.first, lower_name)) return f.second;
    return "";
}

bool answer::has(std::string_view lower_name) const
{
    for (const field& f : fields)
        if (equals_lower(f.first, lower_name)) return true;
    return false;
}

std::string answer::cache(std::string_view parameter) const
{
    std::string text = header("cache-status");
    for (std::size_t at = text.find("; "); at != std::string::npos; at = text.find("; ", at + 1))
    {
        std::string part = text.substr(at + 2, text.find("; ", at + 2) - at - 2);
        if (part == parameter) return part;
        if (part.starts_with(std::string(parameter) + "=")) return part.substr(parameter.size() + 1);
    }
    return "";
}

struct tool::state
{
    explicit state(executor ex) : socket(ex) {}
    tcp_socket socket;
    std::string in;
    bool closed = false, was_reset = false;

    static task<void> run(std::shared_ptr<state> s, tcp::endpoint to)
    {
        auto [error] = co_await s->socket.async_connect(to, as_result);
        std::array<char, 65536> room;
        while (!error)
        {
            auto [failed, bytes] = co_await s->socket.async_read_some(asio::buffer(room), as_result);
            s->in.append(room.data(), bytes);
            error = failed;
        }
        s->was_reset = error == asio::error::connection_reset;
        s->closed = true;
    }
};

tool::tool(harness& w) : tool(w, w.cache->tool_endpoints().front()) {}

tool::tool(harness& w, tcp::endpoint to) : harness_(w), state_(std::make_shared<state>(w.loop.get_executor()))
{
    asio::co_spawn(w.loop, state::run(state_, to), asio::detached);
    w.run_until([&] {
        error_code error;
        state_->socket.remote_endpoint(error);
        return !error || state_->closed;
    });
}

tool::~tool()
{
    hang_up();
}

void tool::send(const std::string& bytes)
{
    auto copy = std::make_shared<std::string>(bytes);
    asio::async_write(state_->socket, asio::buffer(*copy), [copy, s = state_](error_code, std::size_t) {});
}

void tool::finish_sending()
{
    error_code ignored;
    state_->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

bool tool::has_answer(bool head) const
{
    return parse_answer(state_->in, head, state_->closed).has_value();
}

answer tool::read(bool head)
{
    harness_.run_until([&] { return has_answer(head) || state_->closed; });
    auto a = parse_answer(state_->in, head, state_->closed);
    if (!a) return {};  // status 0: closed without an answer
    state_->in.erase(0, a->raw.size());
    return *a;
}

void tool::wait_closed()
{
    harness_.run_until([&] { return state_->closed; });
}

bool tool::was_reset() const
{
    return state_->was_reset;
}

bool tool::closed() const
{
    return state_->closed;
}

std::size_t tool::received() const
{
    return state_->in.size();
}

std::string tool::take()
{
    return std::exchange(state_->in, {});
}

void tool::hang_up()
{
    error_code ignored;
    state_->socket.close(ignored);
}

harness::harness()
{
    vendor_options.keys[authorization] = {};
    vendor_options.keys[other_authorization] = {};
    vendor_options.limits = {0, 0};
    config.server.listen = {"127.0.0.1:0"};
    config.server.admin = {"127.0.0.1:0"};
    config.cache.path = folder.file("cache.db");
    // Out of the way, where it is not what a test is about.
    config.budget.rate = 1000;
    config.budget.burst = 1000;
    config.budget.path = ":memory:";
}

harness::~harness()
{
    cache.reset();
    vendor.reset();
    work.reset();
    loop.stop();
}

void harness::start()
{
    std::string trouble = start_refused();
    if (!trouble.empty()) FAIL("the proxy did not start: ", trouble);
}

std::string harness::start_refused()
{
    if (!vendor) vendor = std::make_unique<sim::vendor>(loop.get_executor(), vendor_options, clock);
    if (config.upstream.url == settings().upstream.url)
        config.upstream.url = (vendor_options.tls_key.empty() ? "http://127.0.0.1:" : "https://localhost:") +
                              std::to_string(vendor->port());
    cache.reset();
    for (const std::string& problem : contradictions(config)) FAIL(problem);
    auto reload = [this](const std::function<void(reloaded)>& done) {
        done(cache->reload({config, contradictions(config)}));
    };
    auto started = proxy::start(config, {clock, out, true, reload});
    if (auto* trouble = std::get_if<std::string>(&started)) return *trouble;
    cache = std::move(std::get<std::unique_ptr<proxy>>(started));
    // Whoever had sent right before the start has done so a window ago.
    clock.advance(1600ms);
    return "";
}

namespace
{

// What is ready now, but no more than so much: what makes work for itself would be ready for ever.
std::size_t some_of(asio::io_context& loop)
{
    std::size_t done = 0;
    while (done < 1000 && loop.poll_one() > 0) ++done;
    return done;
}

// False if nothing does, and nobody else is about to make it: no other thread, nor the kernel with what is on its way.
// Who has seen all the others sleep may have looked at one before another woke it; so twice.
bool happens_soon(asio::io_context& loop, proxy* cache)
{
    auto began = std::chrono::steady_clock::now();
    for (int asleep = 0;;)
    {
        std::size_t done = some_of(loop);
        if (cache) done += some_of(cache->loop());
        if (done > 0) return true;
        auto waited = std::chrono::steady_clock::now() - began;
        if ((asleep > 1 && waited > 200us) || waited > 1s) return false;
        asleep = others_sleep() ? asleep + 1 : 0;
        std::this_thread::yield();
    }
}

}  // namespace

void harness::run_until(const std::function<bool()>& true_now)
{
    auto deadline = std::chrono::steady_clock::now() + patience;
    while (!true_now())
    {
        if (std::chrono::steady_clock::now() > deadline) FAIL("what had to happen did not. The log:\n", out.text());
        if (!happens_soon(loop, cache.get()) && clock_runs) clock.advance(20ms);
    }
}

// So many rounds, and not only so much time: a machine that stands still for a moment must not cut it short.
void harness::run_for_a_while()
{
    auto deadline = std::chrono::steady_clock::now() + 30ms;
    int rounds = 0;
    run_until([&] { return ++rounds > 100 && std::chrono::steady_clock::now() > deadline; });
}

std::string harness::request(const std::string& method, const std::string& target, const fields& further,
                             const std::string& as) const
{
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost:4664\r\n";
    if (!as.empty()) text += "Authorization: " + as + "\r\n";
    for (const field& f : further) text += f.first + ": " + f.second + "\r\n";
    return text + "\r\n";
}

answer harness::get(const std::string& target, const fields& further, const std::string& as)
{
    return send("GET", target, further, as);
}

answer harness::send(const std::string& method, const std::string& target, const fields& further, const std::string& as)
{
    return raw(request(method, target, further, as), method == "HEAD");
}

answer harness::raw(const std::string& bytes, bool head)
{
    tool t(*this);
    t.send(bytes);
    return t.read(head);
}

answer harness::operate(const std::string& method, const std::string& target, const std::string& body)
{
    tool t(*this, cache->admin_endpoints().front());
    t.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nContent-Type: application/json\r\n\r\n" + body);
    return t.read();
}

std::string harness::call_of(const answer& a)
{
    auto call = read_call_answer(a.body);
    return call ? std::string(call->call) : "";
}

}  // namespace callcache::test
