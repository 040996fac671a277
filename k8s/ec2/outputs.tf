output "address" {
  description = "Point the A record of your domain here."
  value       = aws_eip.machine.public_ip
}

output "database_host" {
  description = "Host and port of PostgreSQL."
  value       = aws_db_instance.this.endpoint
}

output "database_secret" {
  description = "The Secrets Manager entry with PostgreSQL's user and password."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "bucket" {
  description = "Artefacts and backups."
  value       = aws_s3_bucket.this.bucket
}
