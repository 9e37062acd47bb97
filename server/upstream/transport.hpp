// A connection to the vendor, with or without TLS.
#pragma once

#include "config/address.hpp"
#include "config/proxy_address.hpp"
#include "server/async/clock.hpp"
#include "server/async/net.hpp"
#include "server/upstream/answer.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace boost::asio::ssl
{
class context;
}
struct x509_st;  // OpenSSL's X509

namespace callcache
{

// Runs on the loop that it was made on. One read and one write at a time; while there is none, any one thread may ask
// it and close it.
class transport
{
public:
    struct moved
    {
        error_code error;
        std::size_t bytes = 0;
    };

    virtual ~transport() = default;
    virtual task<moved> read_some(std::span<char>) = 0;
    virtual task<moved> write(std::string_view) = 0;

    // Ends it at once; what is running on it fails, and what has not left yet never will.
    virtual void close() = 0;

    // True if the other end's TCP has acknowledged everything that was written.
    virtual bool is_acknowledged() = 0;

    // How many bytes it has acknowledged so far; zero if it is not known.
    virtual std::uint64_t acknowledged_bytes() = 0;

    // The least that a packet and its acknowledgement have taken, lately; zero if it is not known.
    virtual std::chrono::microseconds least_round_trip() = 0;

    // True if nothing has come and it was not closed: an idle connection that can be used again.
    virtual bool is_quiet() = 0;
};

using connected = std::variant<std::unique_ptr<transport>, upstream_failure>;

// Verifies the certificate and the host name, always. Throws std::runtime_error if the CA file cannot be read.
std::shared_ptr<asio::ssl::context> make_tls_context(const std::string& ca_file);

// Verifies that the peer has the key of the very certificate that stands first in the file, PEM, whatever its name: for
// a server that reads the same file. Throws std::runtime_error if there is none in it.
std::shared_ptr<asio::ssl::context> make_pinned_tls_context(const std::string& certificate_file);

// What callcache itself is known by, where a way leads back to it. Complete before the first connection.
struct own_marks
{
    std::vector<tcp::endpoint> listeners;

    // True of the certificate that tools are shown; null if they are shown none. Any thread.
    std::function<bool(const x509_st*)> is_certificate;
};

struct connect_memory;
std::shared_ptr<connect_memory> make_connect_memory();

struct destination
{
    origin vendor;
    std::optional<proxy_address> proxy;       // the company's: CONNECT through it
    std::shared_ptr<asio::ssl::context> tls;  // null if the origin is http

    // What its connections have in common: shared by its copies, on any thread.
    std::shared_ptr<connect_memory> memory = make_connect_memory();

    // A connection to callcache itself fails. Null: it is not known by anything.
    std::shared_ptr<const own_marks> own = nullptr;
};

// How far a connection has come; the next step is the one that failed.
enum class connect_step
{
    name,    // of the vendor, or of the proxy
    tcp,     // likewise
    tunnel,  // through the proxy, if there is one
    tls,     // with the vendor, if the origin asks for it
};
using connect_progress = std::function<void(connect_step, const std::string& detail)>;

// Asks the name service anew, connects to the first of the addresses that accepts (connection_attempts.hpp), asks the
// proxy if there is one, and does TLS if the origin asks for it: that may take the rest of the time. Where it fails,
// the other addresses are tried.
task<connected> connect(const destination&, const clock_source&, steady_time deadline,
                        const connect_progress& reached = nullptr);

}  // namespace callcache
