// Certificates for a simulated vendor, made when they are needed and never written into the repository.
#pragma once

#include <string>

namespace sim
{

struct certificate
{
    std::string authority;  // PEM of the CA that signed it
    std::string chain;      // PEM of the server's certificate
    std::string key;        // PEM of its private key
};

struct certificate_wishes
{
    std::string name = "localhost";  // the DNS name in it; an address where it looks like one
    int valid_from_days = -1;        // from now
    int valid_until_days = 30;
    bool is_alternative = true;  // the name is a subject alternative name; else it is the common name alone
};

// Throws std::runtime_error if OpenSSL cannot.
certificate make_certificate(const certificate_wishes& = {});

}  // namespace sim
