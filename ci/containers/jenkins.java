// The Java workload of the container cases, in Jenkins' shape: an HTTP server on 8080 and an agent port on 50000, every
// connection kept open with a thread of its own. Prints `listening ADDRESS` for each port, then `ready`.
// Jenkins itself serves instead where a registry is reachable: see Dockerfile.test. Ends by itself after ten minutes.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

class Jenkins {
    static final int HTTP_PORT = 8080;
    static final int AGENT_PORT = Integer.getInteger("jenkins.model.Jenkins.slaveAgentPort", 50000);
    static final long LIFETIME_MILLISECONDS = 600_000;
    static final byte[] ANSWER =
        "HTTP/1.1 200 OK\r\nX-Jenkins: 2\r\nContent-Length: 3\r\n\r\nok\n".getBytes(StandardCharsets.US_ASCII);

    public static void main(String[] arguments) throws Exception {
        // As in Jenkins, the channels of java.nio bring a unix socket along, which stays open after the channel.
        SocketChannel.open().close();
        start(() -> accept(listen(HTTP_PORT), true));
        start(() -> accept(listen(AGENT_PORT), false));
        Thread.sleep(LIFETIME_MILLISECONDS);
        System.exit(0);
    }

    interface Job {
        void run() throws IOException;
    }

    static int listening;

    static ServerSocket listen(int port) throws IOException {
        ServerSocket server = new ServerSocket(port);
        synchronized (Jenkins.class) {
            System.out.println("listening " + server.getLocalSocketAddress());
            if (++listening == 2) {
                System.out.println("ready");
            }
        }
        return server;
    }

    static void start(Job job) {
        Thread thread = new Thread(() -> {
            try {
                job.run();
            } catch (IOException gone) {
                System.out.println(gone);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    static void accept(ServerSocket server, boolean http) throws IOException {
        while (true) {
            Socket socket = server.accept();
            start(() -> serve(socket, http));
        }
    }

    /** Answers each request of a connection, as its blank line tells the end of it; the agent port only listens. */
    static void serve(Socket socket, boolean http) throws IOException {
        try (socket) {
            BufferedReader lines =
                new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            OutputStream answers = socket.getOutputStream();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (http && line.isEmpty()) {
                    answers.write(ANSWER);
                }
            }
        }
    }
}
