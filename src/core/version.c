/* SPDX-License-Identifier: Apache-2.0 */

#include <tulle/error.h>
#include <tulle/version.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

const char *tulle_version(void)
{
    return TEXT(TULLE_VERSION_MAJOR) "." TEXT(TULLE_VERSION_MINOR) "." TEXT(TULLE_VERSION_PATCH);
}

uint32_t tulle_abi_version(void)
{
    return TULLE_VERSION_MAJOR;
}

const char *tulle_error_text(int32_t error)
{
    switch ((enum tulle_error)error) {
    case TULLE_OK: return "ok";
    case TULLE_E_USAGE: return "the library was used wrongly";
    case TULLE_E_NOMEM: return "out of memory";
    case TULLE_E_CONFIG: return "the configuration is wrong";
    case TULLE_E_REFUSED: return "refused: no route";
    case TULLE_E_LIMIT: return "refused: a limit is reached";
    case TULLE_E_NO_ENDPOINT: return "refused: no healthy endpoint";
    case TULLE_E_NETWORK: return "the network failed";
    case TULLE_E_TLS: return "the peer did not prove who it is";
    case TULLE_E_PEER: return "the peer broke the protocol";
    case TULLE_E_TOO_LARGE: return "the reply is over its cap";
    case TULLE_E_TIMEOUT: return "time was over";
    case TULLE_E_CANCELLED: return "cancelled";
    case TULLE_E_CLOSED: return "the mesh is closing";
    case TULLE_E_INTERNAL: return "a fault in the library or the system";
    case TULLE_E_AGAIN: return "nothing now";
    case TULLE_E_FORKED: return "the mesh was opened before fork(), and this is the child";
    default: return "unknown error";
    }
}
