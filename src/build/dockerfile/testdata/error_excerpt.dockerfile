FROM debian:bookworm
RUN apt-get update
CPY app.py /app/
CMD ["python3", "/app/app.py"]
