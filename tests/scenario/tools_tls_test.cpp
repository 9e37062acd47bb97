// TLS towards the tools: the same proxy behind it, and what goes wrong with TLS costs one connection.

#include "tests/sim/certificate.hpp"
#include "tests/support/budget_harness.hpp"
#include "tests/support/tls_tool.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>

using namespace callcache;
using namespace callcache::test;
namespace fs = std::filesystem;

namespace
{

void put(const std::string& file, const std::string& text)
{
    std::ofstream(file) << text;
}

struct tools_tls_harness : harness
{
    tools_tls_harness()
    {
        put(certificate_file, made.chain);
        put(key_file, made.key);
        config.server.tls_certificate_file = certificate_file;
        config.server.tls_key_file = key_file;
    }

    const std::string certificate_file = folder.file("tls.pem"), key_file = folder.file("tls.key");
    sim::certificate made = sim::make_certificate();
    tls_tool::wishes trusting{made.authority, {}, 0};

    // A connection of its own, and a lookup over it.
    bool answers(const sim::certificate& with)
    {
        tls_tool t(*this, {with.authority, {}, 0});
        if (!t.handshake()) return false;
        t.send(request("GET", path(1)));
        return t.read().status == 200;
    }
    bool answers() { return answers(made); }

    // Puts a new file in the place of one that is watched.
    void swap(const std::string& file, const std::string& text)
    {
        put(folder.file("next"), text);
        fs::rename(folder.file("next"), file);
    }
};

std::string locked_with_passphrase(const std::string& key)
{
    BIO* in = BIO_new_mem_buf(key.data(), int(key.size()));
    EVP_PKEY* read = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, read, EVP_aes_128_cbc(), nullptr, 0, nullptr, const_cast<char*>("passphrase"));
    char* data = nullptr;
    long size = BIO_get_mem_data(out, &data);
    std::string text(data, std::size_t(size));
    BIO_free(in);
    BIO_free(out);
    EVP_PKEY_free(read);
    return text;
}

}  // namespace

TEST_SUITE_BEGIN("scenario: TLS towards tools");

TEST_CASE(
    "tools TLS: misses, hits, names in the base URL, pipelined requests and what passes through, on one connection")
{
    tools_tls_harness w;
    w.start();
    tls_tool t(w, w.trusting);
    REQUIRE(t.handshake());
    CHECK(t.version() == "TLSv1.3");
    t.send(w.request("GET", w.path(1)));
    answer miss = t.read();
    CHECK(w.call_of(miss) == w.vendor->body(w.id(1)));
    t.send(w.request("GET", w.path(1)) + w.request("HEAD", w.path(1)) + w.request("GET", "/@etl" + w.path(2)));
    CHECK(t.read().cache("hit") == "hit");
    CHECK(t.read(true).status == 200);
    CHECK(w.call_of(t.read()) == w.vendor->body(w.id(2)));
    t.send(w.request("POST", "/v2/stats", {{"Content-Length", "5"}}) + "hello");
    CHECK(t.read().cache("detail") == "pass");
    CHECK(w.vendor->bodies().back() == "hello");
    CHECK(w.vendor->heads()[1].starts_with("GET " + w.path(2) + " "));
    CHECK(w.cache->connections() == 1);
    // The operator's address stays as it is.
    tool probe(w, w.cache->admin_endpoints().front());
    probe.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(probe.read().status == 200);
}

TEST_CASE("tools TLS: long bodies stream both ways, also while the other way is under way")
{
    tools_tls_harness w;
    w.start();
    tls_tool t(w, w.trusting);
    REQUIRE(t.handshake());
    t.send(w.request("GET", "/v2/bytes?n=3000000&chunked=1"));
    CHECK(t.read().body == std::string(3'000'000, 'b'));
    std::string body(1'000'000, 'x');
    t.send(w.request("PUT", "/v2/calls/1/media", {{"Content-Length", std::to_string(body.size())}}) + body);
    CHECK(t.read().body.find("\"size\":1000000") != std::string::npos);
    // The whole answer comes before the body has.
    t.send(w.request("POST", "/v2/bytes?n=200000", {{"Transfer-Encoding", "chunked"}}) + "20000\r\n" +
           std::string(0x20000, 'y') + "\r\n0\r\n\r\n");
    CHECK(t.read().body.size() == 200'000);
}

TEST_CASE("tools TLS: 1.2 is spoken, 1.1 is not")
{
    tools_tls_harness w;
    w.start();
    w.trusting.version_max = TLS1_2_VERSION;
    tls_tool older(w, w.trusting);
    REQUIRE(older.handshake());
    CHECK(older.version() == "TLSv1.2");
    older.send(w.request("GET", w.path(1)));
    CHECK(older.read().status == 200);
    w.trusting.version_max = TLS1_1_VERSION;
    tls_tool oldest(w, w.trusting);
    CHECK_FALSE(oldest.handshake());
    CHECK(oldest.why.find("version") != std::string::npos);
    oldest.raw.wait_closed();
    CHECK(w.answers());
}

TEST_CASE(
    "tools TLS: a handshake that fails is logged with its reason and address, and a probe that only connects is not")
{
    tools_tls_harness w;
    w.start();
    {
        tool probe(w);
        w.run_for_a_while();
    }
    w.run_for_a_while();
    CHECK_FALSE(contains(w.out.text(), "TLS handshake failed"));
    tls_tool stranger(w, {sim::make_certificate().authority, {}, 0});
    CHECK_FALSE(stranger.handshake());
    w.run_until([&] { return contains(w.out.text(), "a tool's TLS handshake failed"); });
    CHECK(contains(w.out.text(), "why=tlsv1 alert "));
    CHECK(contains(w.out.text(), " from=127.0.0.1"));
    w.raw(w.request("GET", w.path(1)));
    CHECK(contains(w.out.text(), "why=http request from=127.0.0.1"));
}

TEST_CASE("tools TLS: a certificate that is about to end is logged once a day, and stands in the headline and a metric")
{
    tools_tls_harness w;
    w.start();
    auto said = [&] {
        std::size_t times = 0;
        const std::string text = w.out.text(), line = "the certificate towards tools (server.tls_certificate_file) end";
        for (std::size_t at = text.find(line); at != text.npos; at = text.find(line, at + 1)) ++times;
        return times;
    };
    auto metric = [&] { return w.operate("GET", "/metrics").body; };
    CHECK(contains(metric(), "callcache_certificate_end_timestamp_seconds"));
    w.cache->look_after(w.clock.wall());
    CHECK(said() == 0);
    w.clock.advance(30 * 24h);
    for (int i = 0; i < 3; ++i) w.cache->look_after(w.clock.wall());
    CHECK(said() == 1);
    CHECK(contains(w.operate("GET", "/stats").body, "\"headline\":\"the certificate towards tools"));
    w.clock.advance(24h);
    w.cache->look_after(w.clock.wall());
    CHECK(said() == 2);
    // A new pair is looked at when it is read.
    auto pair = sim::make_certificate({"localhost", -1, 400});
    w.swap(w.certificate_file, pair.chain);
    w.swap(w.key_file, pair.key);
    w.cache->look_after(w.clock.wall());
    w.cache->look_after(w.clock.wall());
    CHECK(said() == 2);
    CHECK_FALSE(contains(w.operate("GET", "/stats").body, "\"headline\":\"the certificate"));
}

TEST_CASE("tools TLS: of the protocols that a tool offers it is http/1.1, or none is chosen and it ends")
{
    tools_tls_harness w;
    w.start();
    w.trusting.protocols = {"h2", "http/1.1"};
    tls_tool browser(w, w.trusting);
    REQUIRE(browser.handshake());
    CHECK(browser.protocol() == "http/1.1");
    w.trusting.protocols = {};
    tls_tool simple(w, w.trusting);
    REQUIRE(simple.handshake());
    CHECK(simple.protocol() == "");
    w.trusting.protocols = {"h2", "http/1.0"};
    tls_tool newer(w, w.trusting);
    CHECK_FALSE(newer.handshake());
    CHECK(newer.why.find("no application protocol") != std::string::npos);
    CHECK(w.answers());
}

TEST_CASE("tools TLS: HTTP without TLS is told so, and anything else that is not TLS ends; nothing is forwarded")
{
    tools_tls_harness w;
    w.start();
    for (const char* method : {"GET", "POST"})
    {
        tool plain(w);
        plain.send(w.request(method, w.path(1)));
        answer a = plain.read();
        CHECK(a.status == 400);
        CHECK(a.body.find("use https://") != std::string::npos);
        CHECK(a.header("connection") == "close");
        plain.wait_closed();
    }
    for (const std::string& bytes :
         {std::string("DELETE /v2/calls/1 HTTP/1.1\r\n\r\n"), std::string(300, '\0'), std::string(70'000, '\x16'),
          std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("\x16\x03\x01\xff\xff") + std::string(300, 'x')})
    {
        tool other(w);
        other.send(bytes);
        w.run_for_a_while();
        other.finish_sending();
        other.wait_closed();
    }
    CHECK(w.vendor->requests() == 0);
    CHECK(w.answers());
    w.run_until([&] { return w.cache->connections() == 0; });
}

TEST_CASE("tools TLS: a handshake that does not end within server.header_timeout is cut, however it trickles")
{
    tools_tls_harness w;
    w.start();
    tool silent(w);
    tls_tool half(w, w.trusting), trickling(w, w.trusting);
    std::string hello = trickling.hello();
    half.raw.send(half.hello().substr(0, 100));
    for (std::size_t second = 0; second < 9; ++second)
    {
        trickling.raw.send(hello.substr(second, 1));
        w.run_for_a_while();
        w.clock.advance(1s);
    }
    w.run_for_a_while();
    for (tool* t : {&silent, &half.raw, &trickling.raw}) CHECK_FALSE(t->closed());
    CHECK(w.answers());
    w.clock.advance(2s);
    for (tool* t : {&silent, &half.raw, &trickling.raw}) t->wait_closed();
    CHECK(w.answers());
}

TEST_CASE("tools TLS: an idle connection is closed after server.idle_timeout, with its end said or not")
{
    tools_tls_harness w;
    w.start();
    tls_tool t(w, w.trusting);
    REQUIRE(t.handshake());
    w.clock.advance(74s);
    w.run_for_a_while();
    t.send(w.request("GET", w.path(1)));
    CHECK(t.read().status == 200);
    w.clock.advance(77s);
    t.raw.wait_closed();
}

TEST_CASE("tools TLS: a tool that closes its own side gets its answer, with close_notify and without")
{
    tools_tls_harness w;
    w.start();
    w.vendor->hold(w.id(1));
    tls_tool polite(w, w.trusting), abrupt(w, w.trusting);
    REQUIRE(polite.handshake());
    REQUIRE(abrupt.handshake());
    polite.send(w.request("GET", w.path(1)));
    polite.say_end();
    abrupt.send(w.request("GET", w.path(1)));
    abrupt.raw.finish_sending();
    w.run_for_a_while();
    w.vendor->release(w.id(1));
    CHECK(polite.read().status == 200);
    CHECK(abrupt.read().status == 200);
    polite.raw.wait_closed();
    abrupt.raw.wait_closed();
    CHECK(w.out.text().find("mistake") == std::string::npos);
}

TEST_CASE("tools TLS: a body that is whole is taken though its close_notify is missing, and one that is not never is")
{
    tools_tls_harness w;
    w.start();
    const std::string whole[] = {w.request("POST", "/v2/a", {{"Content-Length", "5"}}) + "hello",
                                 w.request("POST", "/v2/b", {{"Transfer-Encoding", "chunked"}}) +
                                     "5\r\nhello\r\n0\r\n\r\n"};
    for (const std::string& text : whole)
    {
        std::size_t before = w.vendor->requests();
        tls_tool t(w, w.trusting);
        REQUIRE(t.handshake());
        t.send(text);
        t.raw.finish_sending();
        CHECK(t.read().status == 200);
        CHECK(w.vendor->requests() == before + 1);
        CHECK(w.vendor->bodies().back() == "hello");
    }
    for (const std::string& text : whole)
        for (bool says_end : {true, false})
        {
            std::size_t before = w.vendor->requests();
            tls_tool t(w, w.trusting);
            REQUIRE(t.handshake());
            t.send(text.substr(0, text.find("hello") + 3));
            if (says_end) t.say_end();
            t.raw.finish_sending();
            t.raw.wait_closed();
            CHECK(w.vendor->requests() == before);
        }
    CHECK(w.out.text().find("mistake") == std::string::npos);
}

TEST_CASE("tools TLS: the end of an answer is said by close_notify, and one that broke off is not")
{
    tools_tls_harness w;
    w.start();
    const std::string without_length = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nwhole";
    w.vendor->script("/v2/whole", sim::scripted{without_length, sim::then::close});
    w.vendor->script("/v2/broken",
                     sim::scripted{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbroken", sim::then::close});
    auto old = [&](const std::string& target) {
        return "GET " + target + " HTTP/1.0\r\nHost: localhost\r\nAuthorization: " + authorization + "\r\n\r\n";
    };
    tls_tool t(w, w.trusting);
    REQUIRE(t.handshake());
    t.send(old("/v2/whole"));
    CHECK(t.read().body == "whole");
    t.raw.wait_closed();
    CHECK(t.read().status == 0);
    CHECK(t.was_told_end());

    tls_tool broken(w, w.trusting);
    REQUIRE(broken.handshake());
    broken.send(old("/v2/broken"));
    CHECK(broken.read().status == 0);
    CHECK_FALSE(broken.was_told_end());
    broken.raw.wait_closed();
}

TEST_CASE("tools TLS: a tool that hangs up anywhere, or sends rubbish after its handshake, costs its own connection")
{
    tools_tls_harness w;
    w.start();
    for (int what = 0; what < 4; ++what)
    {
        tls_tool t(w, w.trusting);
        if (what == 0) t.raw.send(t.hello());
        if (what > 0) REQUIRE(t.handshake());
        if (what == 1) t.send(w.request("GET", w.path(1)).substr(0, 30));
        if (what == 2) t.raw.send(std::string("\x17\x03\x03\x00\x20") + std::string(32, 'x'));
        if (what == 3) t.raw.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        if (what >= 2) t.raw.wait_closed();
        w.run_for_a_while();
        t.raw.hang_up();
    }
    w.run_until([&] { return w.cache->connections() == 0; });
    CHECK(w.vendor->requests() == 0);
    CHECK(w.answers());
    CHECK(w.out.text().find("mistake") == std::string::npos);
}

TEST_CASE("tools TLS: new keys that are asked for again and again keep nobody from their answers")
{
    tools_tls_harness w;
    w.start();
    tls_tool restless(w, w.trusting);
    REQUIRE(restless.handshake());
    for (int i = 0; i < 500; ++i) restless.ask_for_new_keys();
    CHECK(w.answers());
    restless.send(w.request("GET", w.path(1)));
    CHECK(restless.read().status == 200);
    for (int i = 0; i < 100; ++i) restless.ask_for_new_keys();  // and they do not count as a sign of life
    w.run_for_a_while();
    w.clock.advance(77s);
    restless.raw.wait_closed();
}

TEST_CASE("tools TLS: beyond server.connections_max it is a 503 within TLS")
{
    tools_tls_harness w;
    w.config.server.connections_max = 1;
    w.start();
    tls_tool first(w, w.trusting), second(w, w.trusting);
    w.vendor->hold(w.id(1));
    REQUIRE(first.handshake());
    first.send(w.request("GET", w.path(1)));
    w.run_until([&] { return w.cache->misses().waiting(w.id(1)) == 1; });
    REQUIRE(second.handshake());
    answer a = second.read();
    CHECK(a.status == 503);
    CHECK(a.has("retry-after"));
    w.vendor->release(w.id(1));
    CHECK(first.read().status == 200);
}

TEST_CASE("tools TLS: draining ends handshakes at once and idle connections after a moment")
{
    tools_tls_harness w;
    w.start();
    tool silent(w);
    tls_tool half(w, w.trusting), idle(w, w.trusting);
    half.raw.send(half.hello().substr(0, 100));
    REQUIRE(idle.handshake());
    w.run_for_a_while();
    w.cache->drain();
    for (tool* t : {&silent, &half.raw}) t->wait_closed();
    w.clock_runs = true;
    idle.raw.wait_closed();
    w.run_until([&] { return w.cache->is_drained(); });
}

TEST_CASE("tools TLS: a pair that is replaced greets new connections; old ones go on; what is unusable is not taken")
{
    tools_tls_harness w;
    w.start();
    auto look = [&] { w.cache->look_after(w.clock.wall()); };
    tls_tool old(w, w.trusting);
    REQUIRE(old.handshake());
    auto next = sim::make_certificate();

    w.swap(w.certificate_file, next.chain);  // one file comes first
    look();
    CHECK(w.out.text().find("server.tls_key_file: the key in") != std::string::npos);
    CHECK(w.answers());
    w.swap(w.key_file, next.key);
    look();
    CHECK(w.out.text().find("the certificate towards tools was read again") != std::string::npos);
    CHECK_FALSE(w.answers());
    CHECK(w.answers(next));
    old.send(w.request("GET", w.path(1)));
    CHECK(old.read().status == 200);

    for (const std::string& rubbish : {std::string("rubbish"), std::string(), sim::make_certificate().key})
    {
        w.swap(w.key_file, rubbish);
        look();
        CHECK(w.answers(next));
    }
    fs::remove(w.key_file);
    look();
    w.swap(w.certificate_file, "rubbish");
    look();
    CHECK(w.answers(next));
    put(w.key_file, w.made.key);
    w.swap(w.certificate_file, w.made.chain);
    look();
    CHECK(w.answers());
    for (const sim::certificate& c : {w.made, next})
        CHECK(w.out.text().find(c.key.substr(c.key.find('\n') + 1, 40)) == std::string::npos);
}

TEST_CASE("tools TLS: the files may be links that are swapped, as Kubernetes does it")
{
    tools_tls_harness w;
    auto next = sim::make_certificate();
    fs::create_directories(w.folder.file("v1"));
    fs::create_directories(w.folder.file("v2"));
    put(w.folder.file("v1/tls.crt"), w.made.chain);
    put(w.folder.file("v1/tls.key"), w.made.key);
    put(w.folder.file("v2/tls.crt"), next.chain);
    put(w.folder.file("v2/tls.key"), next.key);
    fs::create_directory_symlink("v1", w.folder.file("..data"));
    w.config.server.tls_certificate_file = w.folder.file("..data/tls.crt");
    w.config.server.tls_key_file = w.folder.file("..data/tls.key");
    w.start();
    CHECK(w.answers());
    fs::create_directory_symlink("v2", w.folder.file("..next"));
    fs::rename(w.folder.file("..next"), w.folder.file("..data"));
    w.cache->look_after(w.clock.wall());
    CHECK(w.answers(next));
    CHECK(w.out.text().find("cannot be read again") == std::string::npos);
}

TEST_CASE("tools TLS: a pair that is of no use stops the start, and the line names the key and no secret")
{
    tools_tls_harness w;
    auto refused = [&](const std::string& certificate, const std::string& key, const std::string& says) {
        fs::remove(w.certificate_file);
        fs::remove(w.key_file);
        if (certificate != "absent") put(w.certificate_file, certificate);
        if (key != "absent") put(w.key_file, key);
        std::string line = w.start_refused();
        INFO(line);
        CHECK(line.starts_with(says));
        CHECK(line.find('\n') == std::string::npos);
        if (key.size() > 100) CHECK(line.find(key.substr(key.find('\n') + 1, 20)) == std::string::npos);
    };
    const std::string of_certificate = "server.tls_certificate_file: ", of_key = "server.tls_key_file: ";
    refused("absent", w.made.key, of_certificate + "cannot read \"" + w.certificate_file + "\"");
    refused("rubbish", w.made.key, of_certificate + "\"" + w.certificate_file + "\" holds no usable PEM certificate");
    refused("", w.made.key, of_certificate);
    refused(w.made.key, w.made.chain, of_certificate);  // the two in each other's place
    refused(w.made.chain.substr(0, 200), w.made.key, of_certificate);
    refused(w.made.chain, "absent", of_key + "cannot read \"" + w.key_file + "\"");
    refused(w.made.chain, "rubbish", of_key + "\"" + w.key_file + "\" holds no usable PEM private key");
    refused(w.made.chain, w.made.chain, of_key);
    refused(w.made.chain, w.made.key.substr(0, 100), of_key);
    refused(w.made.chain, locked_with_passphrase(w.made.key), of_key);
    refused(w.made.chain, sim::make_certificate().key, of_key + "the key in \"" + w.key_file + "\" does not fit");
    put(w.key_file, w.made.key);
    w.start();
    CHECK(w.answers());
}

TEST_SUITE_END();
