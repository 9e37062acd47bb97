#include "tests/sim/vendor.hpp"

#include "server/http/body_decoder.hpp"
#include "server/http/reply.hpp"
#include "tests/sim/wire.hpp"
#include "tests/support/gzip.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <random>

namespace sim
{

using namespace callcache;
using namespace std::chrono_literals;

struct vendor::state : std::enable_shared_from_this<vendor::state>
{
    state(executor ex, vendor_options o, const clock_source& c) :
        loop(ex),
        options(std::move(o)),
        clock(c),
        limiter(options.limits),
        knows{options.catalogue, options.keys, options.cursor_life}
    {
        knows.transcript_bytes = options.transcript_bytes;
        if (knows.catalogue.newest == wall_time{})
            knows.catalogue.newest = std::chrono::floor<std::chrono::hours>(c.wall());
        if (!options.tls_certificate.empty())
        {
            tls.emplace(asio::ssl::context::tls_server);
            tls->use_certificate_chain(asio::buffer(options.tls_certificate));
            tls->use_private_key(asio::buffer(options.tls_key), asio::ssl::context::pem);
        }
    }

    executor loop;
    vendor_options options;
    const clock_source& clock;
    sim::limiter limiter;
    api knows;
    std::optional<asio::ssl::context> tls;
    std::optional<asio::basic_socket_acceptor<tcp, executor>> acceptor;
    std::uint16_t port = 0;
    std::list<std::weak_ptr<connection>> connections;

    std::set<std::string> held;
    std::multimap<std::string, std::function<void(bool)>> waiting;  // answers that are held back
    std::map<std::string, scripted> scripts;
    std::map<std::string, std::size_t> lookups;
    std::vector<std::string> heads, bodies, framed_bodies;
    std::vector<std::size_t> came_on;
    std::string greeting;
    std::size_t requests = 0, refused = 0, accepted = 0, came = 0;
    bool stopped = false;
    std::mt19937 random{7};

    void open()
    {
        acceptor.emplace(loop);
        tcp::endpoint at(asio::ip::make_address(options.listen_host), port ? port : options.port);
        acceptor->open(at.protocol());
        acceptor->set_option(asio::socket_base::reuse_address(true));
        acceptor->bind(at);
        acceptor->listen();
        port = acceptor->local_endpoint().port();
        asio::co_spawn(loop, accept(shared_from_this()), asio::detached);
    }

    static task<void> accept(std::shared_ptr<state> self)
    {
        while (self->acceptor && self->acceptor->is_open())
        {
            tcp_socket socket(self->loop);
            auto [error] = co_await self->acceptor->async_accept(socket, as_result);
            if (error) continue;
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            ++self->accepted;
            auto c = std::make_shared<connection>(std::move(socket));
            c->number = self->accepted;
            self->connections.remove_if([](const auto& w) { return w.expired(); });
            self->connections.push_back(c);
            asio::co_spawn(self->loop, serve(self, c), asio::detached);
        }
    }

    static task<void> serve(std::shared_ptr<state> self, connection_ptr c)
    {
        if (self->tls)
        {
            c->tls = std::make_unique<asio::ssl::stream<tcp_socket&>>(c->socket, *self->tls);
            auto [error] = co_await c->tls->async_handshake(asio::ssl::stream_base::server, as_result);
            if (error) co_return;
        }
        std::string in;
        const auto without_body = [self](const std::string& path) {
            auto script = self->scripts.find(path);
            return script != self->scripts.end() && script->second.before_body;
        };
        if (!self->greeting.empty()) co_await c->write(self->greeting);
        bool go_on = true;
        while (go_on)
        {
            c->idle = in.empty();
            auto request = co_await read_request(c, in, without_body);
            if (!request) break;
            c->idle = false;
            go_on = co_await answer(self, c, *request);
        }
        c->close();
    }

    // How long the next request takes until it counts.
    std::chrono::milliseconds way()
    {
        std::chrono::milliseconds all{0};
        if (options.way_jitter.count() > 0)
            all += std::chrono::milliseconds(random() % std::uint64_t(options.way_jitter.count() + 1));
        if (options.stall_every > 0 && ++came % options.stall_every == 0) all += options.stall;
        return all;
    }

    // False when the connection ends.
    static task<bool> answer(std::shared_ptr<state> self, connection_ptr c, sim_request r)
    {
        state& s = *self;
        if (r.path.starts_with("/sim/"))
        {
            bool kept = co_await control(self, c, r);
            co_return kept;
        }
        auto way = s.way();
        if (way.count() > 0) co_await sleep_until(s.clock, s.clock.steady() + way);
        ++s.requests;
        s.heads.push_back(r.head);
        s.bodies.push_back(r.body);
        s.framed_bodies.push_back(r.framed);
        s.came_on.push_back(c->number);
        std::string id = r.path.starts_with("/v2/calls/") ? r.path.substr(10) : "";
        bool is_lookup = !id.empty() && std::all_of(id.begin(), id.end(), ::isdigit);
        if (is_lookup) ++s.lookups[id];
        std::int64_t wait = s.limiter.take(s.clock.steady());
        auto delay = s.options.latency;
        if (s.options.jitter.count() > 0)
            delay += std::chrono::milliseconds(s.random() % std::uint64_t(s.options.jitter.count() + 1));
        if (delay.count() > 0) co_await sleep_until(s.clock, s.clock.steady() + delay);
        const std::string name = is_lookup ? id : r.path;
        if (s.held.contains(name))
        {
            auto held_back = [self, name](auto done) { self->waiting.emplace(name, std::move(done)); };
            co_await call_back<bool>(held_back);
        }
        if (s.stopped) co_return false;

        auto script = s.scripts.find(name);
        if (script == s.scripts.end()) script = s.scripts.find("");
        if (script != s.scripts.end())
        {
            bool kept = co_await play(self, c, script->second);
            co_return kept;
        }
        if ((r.path == "/v2/bytes" || r.path.starts_with("/v2/bytes/")) && wait <= 0)
        {
            bool kept = co_await stream(self, c, r);
            co_return kept;
        }
        if (wait > 0) ++s.refused;
        reply a = wait > 0 ? s.knows.limited(wait) : s.knows.answer(r, is_lookup ? id : "", s.clock.wall());
        a.fields.emplace_back("x-ratelimit-remaining", std::to_string(s.options.limits.per_second));
        a.fields.emplace_back("Cache-Control", "no-store");
        a.fields.emplace_back("Set-Cookie", "session=" + std::to_string(s.knows.answers) + "; Secure");
        if (s.knows.gzips && r.method == "POST" && r.head.find("Accept-Encoding: gzip") != std::string::npos)
        {
            a.body = test::gzipped(a.body);
            a.fields.emplace_back("Content-Encoding", "gzip");
        }
        std::string bytes;
        write_reply(bytes, a, {r.method == "HEAD", !r.close, 1}, s.clock.wall());
        error_code error = co_await c->write(bytes);
        co_return !error && !r.close;
    }

    // As many bytes as are asked for: `n`, and `chunked=1`; with `json=1` they are a JSON string.
    static task<bool> stream(std::shared_ptr<state>, connection_ptr c, sim_request r)
    {
        std::uint64_t left = std::stoull("0" + parameter(r.query, "n"));
        bool chunked = parameter(r.query, "chunked") == "1", json = parameter(r.query, "json") == "1";
        std::string out = "HTTP/1.1 200 OK\r\nContent-Type: application/";
        out += json ? "json\r\n" : "octet-stream\r\n";
        out += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: " + std::to_string(left) + "\r\n\r\n";
        std::string block(64 << 10, 'b');
        if (json) block.front() = '"';
        while (left > 0)
        {
            if (json && left <= block.size()) block[std::size_t(left) - 1] = '"';
            std::string_view data =
                std::string_view(block).substr(0, std::size_t(std::min<std::uint64_t>(left, block.size())));
            left -= data.size();
            if (chunked)
                write_chunk(out, data);
            else
                out += data;
            error_code error = co_await c->write(out);
            if (error) co_return false;
            out.clear();
            block.front() = 'b';
        }
        if (chunked) write_last_chunk(out, {{"X-Sum", "1"}});
        error_code error = co_await c->write(out);
        co_return !error;
    }

    // Not part of the vendor, and not counted: what was counted so far.
    static task<bool> control(std::shared_ptr<state> self, connection_ptr c, sim_request r)
    {
        reply a;
        a.fields.emplace_back("Content-Type", "application/json");
        a.body = "{\"requests\":" + std::to_string(self->requests) + ",\"refused\":" + std::to_string(self->refused) +
                 ",\"connections\":" + std::to_string(self->accepted) +
                 ",\"most_in_a_second\":" + std::to_string(self->limiter.most_in_a_second()) + "}\n";
        std::string bytes;
        write_reply(bytes, a, {r.method == "HEAD", !r.close, 1}, self->clock.wall());
        error_code error = co_await c->write(bytes);
        co_return !error && !r.close;
    }

    static task<void> say(connection_ptr c, std::shared_ptr<const std::string> bytes) { co_await c->write(*bytes); }

    static task<bool> play(std::shared_ptr<state> self, connection_ptr c, scripted s)
    {
        std::string_view left = s.bytes;
        std::size_t piece = s.piece == 0 ? left.size() : s.piece;
        error_code error = co_await c->write(left.substr(0, piece));
        for (left.remove_prefix(std::min(piece, left.size())); !left.empty() && !error && !self->stopped;
             left.remove_prefix(std::min(piece, left.size())))
        {
            co_await sleep_until(self->clock, self->clock.steady() + 20ms);
            error = co_await c->write(left.substr(0, piece));
        }
        if (s.then == then::reset) c->reset();
        while ((s.then == then::hang || s.then == then::trickle) && !error && !self->stopped)
        {
            co_await sleep_until(self->clock, self->clock.steady() + 20ms);
            if (s.then == then::trickle)
                error = co_await c->write(s.again);
            else if (!c->socket.is_open())
                break;
        }
        co_return s.then == then::keep && !error;
    }

    void cut(bool idle_alone)
    {
        for (auto& w : connections)
            if (auto c = w.lock(); c && (!idle_alone || c->idle)) c->close();
    }
};

std::string basic(std::string_view key, std::string_view secret)
{
    std::string text = std::string(key) + ":" + std::string(secret);
    std::string out(4 * ((text.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                    int(text.size()));
    return "Basic " + out;
}

vendor::vendor(executor ex, vendor_options o, const clock_source& c) :
    state_(std::make_shared<state>(ex, std::move(o), c))
{
    state_->open();
}

vendor::~vendor()
{
    state_->stopped = true;
    state_->waiting.clear();  // they hold the state
    go_down();
}

std::uint16_t vendor::port() const
{
    return state_->port;
}
const call_catalogue& vendor::catalogue() const
{
    return state_->knows.catalogue;
}
std::string vendor::body(std::string_view id) const
{
    return state_->knows.call(std::string(id)).value_or("");
}
void vendor::hold(const std::string& id)
{
    state_->held.insert(id);
}

void vendor::release(const std::string& id)
{
    state_->held.erase(id);
    auto [first, last] = state_->waiting.equal_range(id);
    for (auto at = first; at != last; ++at) at->second(true);
    state_->waiting.erase(first, last);
}

void vendor::script(const std::string& id, std::optional<scripted> s)
{
    if (s)
        state_->scripts[id] = *s;
    else
        state_->scripts.erase(id);
}

void vendor::volunteer(const std::string& bytes)
{
    auto all = std::make_shared<const std::string>(bytes);
    for (auto& w : state_->connections)
        if (auto c = w.lock(); c && c->idle) asio::co_spawn(state_->loop, state::say(c, all), asio::detached);
}

void vendor::greet(const std::string& bytes)
{
    state_->greeting = bytes;
}

void vendor::edit(const std::string& id)
{
    ++state_->knows.revisions[id];
}

void vendor::remove(const std::string& id, bool removed)
{
    if (removed)
        state_->knows.removed.insert(id);
    else
        state_->knows.removed.erase(id);
}

void vendor::fail(const std::string& id, unsigned status)
{
    state_->knows.failing.erase(id);
    if (status > 0) state_->knows.failing[id] = status;
}

void vendor::transcribe(const std::string& id, transcript_is how)
{
    api& a = state_->knows;
    a.untranscribed.erase(id);
    a.silent.erase(id);
    if (how == transcript_is::late) a.untranscribed.insert(id);
    if (how == transcript_is::empty) a.silent.insert(id);
}

std::string vendor::transcript(const std::string& id) const
{
    return state_->knows.transcript(id).value_or("");
}

void vendor::page(std::size_t elements)
{
    state_->knows.page_max = elements;
}

void vendor::gzip()
{
    state_->knows.gzips = true;
}

void vendor::forbid(const std::string& authorization, const std::string& id, bool forbidden)
{
    if (forbidden)
        state_->knows.forbidden.insert({authorization, id});
    else
        state_->knows.forbidden.erase({authorization, id});
}
void vendor::withdraw(const std::string& authorization)
{
    state_->knows.keys.erase(authorization);
}
void vendor::allow(const std::string& authorization, key_scopes s)
{
    state_->knows.keys[authorization] = s;
}

void vendor::go_down()
{
    error_code ignored;
    if (state_->acceptor) state_->acceptor->close(ignored);
    state_->cut(false);
}

void vendor::come_up()
{
    state_->open();
}
void vendor::close_idle()
{
    state_->cut(true);
}
std::size_t vendor::requests() const
{
    return state_->requests;
}

std::size_t vendor::requests(const std::string& id) const
{
    auto found = state_->lookups.find(id);
    return found == state_->lookups.end() ? 0 : found->second;
}

std::size_t vendor::refused() const
{
    return state_->refused;
}
std::size_t vendor::connections() const
{
    return state_->accepted;
}
const std::vector<std::string>& vendor::bodies() const
{
    return state_->bodies;
}
const std::vector<std::string>& vendor::framed_bodies() const
{
    return state_->framed_bodies;
}
const std::vector<std::string>& vendor::heads() const
{
    return state_->heads;
}
const std::vector<std::size_t>& vendor::came_on() const
{
    return state_->came_on;
}

}  // namespace sim
