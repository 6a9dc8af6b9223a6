/* SPDX-License-Identifier: Apache-2.0 */

/* Uploads and downloads at once, on one thread: standard input goes to the
 * service as it comes, and the reply to standard output as it comes. Neither
 * body is ever held whole, and who is slow stops the other.
 *
 *     cc stream.c $(pkg-config --cflags --libs tulle) && ./a.out mesh/ < in > out */

#include <stdio.h>
#include <tulle/tulle.h>

struct upload {
    char data[16 * 1024];
    size_t size, at; /* what was read of the file, and how much of it was taken */
    int over;
};

/* Gives the call as much as it has room for. */
static enum tulle_error upload(struct upload *upload, struct tulle_call *call)
{
    enum tulle_error error = TULLE_OK;
    size_t taken;

    while (!error && !upload->over) {
        if (upload->at == upload->size) {
            upload->size = fread(upload->data, 1, sizeof(upload->data), stdin);
            upload->at = 0;
            upload->over = upload->size == 0;
        }
        if (upload->over) {
            return tulle_call_write_end(call, NULL, 0);
        }
        error =
            tulle_call_write(call, upload->data + upload->at, upload->size - upload->at, &taken);
        upload->at += taken;
    }
    return error;
}

/* Takes what has come; 0 with TULLE_OK: that was all. */
static enum tulle_error download(struct tulle_call *call, size_t *got)
{
    char data[16 * 1024];
    enum tulle_error error;

    while (!(error = tulle_call_read(call, data, sizeof(data), got)) && *got > 0) {
        fwrite(data, 1, *got, stdout);
    }
    return error;
}

static enum tulle_error run(struct tulle_call *call)
{
    static struct upload body;
    enum tulle_error error;
    int32_t ready;
    size_t got;

    for (;;) {
        int32_t kinds = TULLE_EVENT_READABLE;

        /* TULLE_E_CLOSED and failures show in reading as well. */
        if (upload(&body, call) == TULLE_E_AGAIN) {
            kinds |= TULLE_EVENT_WRITABLE;
        }
        error = download(call, &got);
        if (error != TULLE_E_AGAIN) {
            return error;
        }
        error = tulle_call_wait(call, kinds, TULLE_NONE, &ready);
        if (error) {
            return error;
        }
    }
}

int main(int argc, char **argv)
{
    struct tulle_options options = { TULLE_OPTIONS_INIT, .config = argc > 1 ? argv[1] : "mesh/" };
    struct tulle_request request = {
        TULLE_REQUEST_INIT,
        .method = "POST",
        .url = "http://reviews/translate",
        .stream = TULLE_STREAM_REQUEST | TULLE_STREAM_REPLY,
        .deadline_ns = TULLE_NONE,
    };
    struct tulle_call *call;
    struct tulle *mesh;
    enum tulle_error error;

    if (tulle_open(&options, &mesh)) {
        return 1;
    }
    error = tulle_call_start(mesh, &request, NULL, NULL, &call);
    if (!error) {
        error = run(call);
        tulle_call_free(call);
    }
    if (error) {
        fprintf(stderr, "%s\n", tulle_error_text(error));
    }
    tulle_close(mesh);
    return error != TULLE_OK;
}
